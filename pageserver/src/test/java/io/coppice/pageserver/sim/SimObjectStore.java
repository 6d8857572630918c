package io.coppice.pageserver.sim;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.TimelineId;
import io.coppice.common.objectstore.ObjectInfo;
import io.coppice.common.objectstore.ObjectStore;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.random.RandomGenerator;

/**
 * One page server's connection to a bucket. Any operation may fail before it is done, or be done
 * and lose its answer; and from some operation on there may be no connection at all.
 */
final class SimObjectStore implements ObjectStore {
  private static final int PER_MILLE = 1_000;

  private final Bucket bucket;
  private final Bucket.User user;
  private final RandomGenerator random;
  private final Coverage coverage;
  private final int failuresPerMille;
  private boolean calm;
  private long operationsLeft = Long.MAX_VALUE;
  private long operationsBefore = Long.MAX_VALUE;
  private Interruption interruption = () -> {};
  private String unanswered = "";
  private final Set<String> inDoubt = new HashSet<>();

  SimObjectStore(Bucket bucket, RandomGenerator random, int failuresPerMille, Coverage coverage) {
    this.bucket = bucket;
    this.user = bucket.start();
    this.random = random;
    this.failuresPerMille = failuresPerMille;
    this.coverage = coverage;
  }

  /** Whether nothing fails by chance. */
  void setCalm(boolean isCalm) {
    calm = isCalm;
  }

  boolean isCalm() {
    return calm;
  }

  /** So many operations more, the last of which fails in either way, and then none. */
  void endAfter(long operations) {
    operationsLeft = operations;
  }

  /** From now on no write of this timeline's index has an answer; each is done or not. */
  void leaveInDoubt(TimelineId timeline) {
    unanswered = "/" + timeline + "/";
  }

  /** Whether there is an index of which nobody knows what was written. */
  boolean isIndexInDoubt() {
    return !inDoubt.isEmpty();
  }

  /** What somebody else does while an operation is on its way. */
  interface Interruption {
    void run() throws StorageException;
  }

  /** Something happens between two operations: just before that one, where 1 is the next. */
  void interrupt(long operation, Interruption by) {
    operationsBefore = operation;
    interruption = by;
  }

  private interface Operation<T> {
    T run() throws StorageException;
  }

  private <T> T run(String what, String name, Operation<T> operation) throws StorageException {
    if (operationsLeft <= 0) {
      throw new StorageException.Transient("the object store is gone");
    }
    operationsLeft--;
    operationsBefore--;
    if (operationsBefore == 0) {
      interruption.run();
    }
    if (isFailing(what, name)) {
      String where = what + " " + kind(name);
      boolean isDone = random.nextBoolean();
      if (isDone) {
        T _ = operation.run();
      }
      if (isIndex(what, name)) {
        inDoubt.add(name);
      }
      coverage.mark("store: " + where + (isDone ? ", done without an answer" : ", not done"));
      throw new StorageException.Transient(where + " failed");
    }
    T result = operation.run();
    inDoubt.remove(name);
    return result;
  }

  private static boolean isIndex(String what, String name) {
    return what.equals("put") && kind(name).equals("index");
  }

  private boolean isFailing(String what, String name) {
    return operationsLeft == 0
        || (!unanswered.isEmpty() && isIndex(what, name) && name.contains(unanswered))
        || (!calm && random.nextInt(PER_MILLE) < failuresPerMille);
  }

  private static String kind(String name) {
    String last = name.substring(name.lastIndexOf('/') + 1);
    if (last.startsWith("index.json")) {
      return "index";
    }
    if (last.contains("__")) {
      return "layer";
    }
    return name.startsWith("generations") ? "generation" : "another";
  }

  @Override
  public void put(String name, byte[] contents) throws StorageException {
    byte[] copy = contents.clone();
    var _ =
        run(
            "put",
            name,
            () -> {
              bucket.put(user, name, copy);
              return true;
            });
  }

  @Override
  public boolean putIfAbsent(String name, byte[] contents) throws StorageException {
    byte[] copy = contents.clone();
    return run(
        "put",
        name,
        () -> {
          if (bucket.contains(name)) {
            return false;
          }
          bucket.put(user, name, copy);
          return true;
        });
  }

  @Override
  public void putFile(String name, Path file) throws StorageException {
    try {
      put(name, Files.readAllBytes(file));
    } catch (IOException e) {
      throw new StorageException.Transient("cannot read " + file, e);
    }
  }

  @Override
  public Optional<byte[]> get(String name) throws StorageException {
    return run("get", name, () -> Optional.ofNullable(bucket.get(user, name)));
  }

  @Override
  public void getToFile(String name, Path file) throws StorageException {
    Optional<byte[]> found = get(name);
    if (found.isEmpty()) {
      throw new StorageException.NotFound("there is no object " + name);
    }
    try {
      Files.write(file, found.get());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public List<ObjectInfo> list(String prefix) throws StorageException {
    return run("list", prefix, () -> bucket.list(prefix));
  }

  @Override
  public List<String> listDirectories(String prefix) throws StorageException {
    return run(
        "list",
        prefix,
        () -> {
          TreeSet<String> found = new TreeSet<>();
          for (ObjectInfo object : bucket.list(prefix)) {
            String rest = object.name().substring(prefix.length());
            if (rest.indexOf('/') >= 0) {
              found.add(rest.substring(0, rest.indexOf('/')));
            }
          }
          return List.copyOf(found);
        });
  }

  @Override
  public void delete(String name) throws StorageException {
    var _ =
        run(
            "delete",
            name,
            () -> {
              bucket.delete(name);
              return true;
            });
  }
}
