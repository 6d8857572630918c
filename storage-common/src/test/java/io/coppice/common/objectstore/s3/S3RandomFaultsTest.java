package io.coppice.common.objectstore.s3;

import static org.assertj.core.api.Assertions.assertThat;

import io.coppice.common.error.StorageException;
import io.coppice.common.objectstore.ObjectInfo;
import io.coppice.common.objectstore.ObjectStore;
import io.coppice.common.objectstore.s3.FaultyServer.Fault;
import io.coppice.testsupport.Seeded;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import org.junit.jupiter.api.io.TempDir;

/**
 * Many calls with faults in between, beside a model of what may be there: after a call that may or
 * may not have happened an object is one of several, until it is seen.
 */
class S3RandomFaultsTest {
  private static final String NOTHING = "";
  private static final int CALLS = 30;
  private static final List<Fault> FAULTS =
      List.of(
          Fault.RESET_BEFORE,
          Fault.RESET_AFTER,
          Fault.SLOW_DOWN,
          Fault.ERROR_AFTER,
          Fault.TRUNCATED,
          Fault.TWICE,
          Fault.REQUEST_FLIPPED);

  @TempDir Path directory;
  private final Map<String, Set<String>> possible = new TreeMap<>();

  @Seeded(tries = 2)
  void neverGivesWhatWasNotPut(long seed) throws Exception {
    Random random = new Random(seed);
    for (String name : List.of("a", "b/c", "b/d")) {
      possible.put(name, Set.of(NOTHING));
    }
    try (S3Server server = S3Server.start();
        FaultyServer faulty = FaultyServer.before(server.endpoint());
        ObjectStore store =
            S3ObjectStore.open(
                S3Server.bucket("x"),
                S3Server.access(
                    faulty.endpoint(), S3Server.writeCredentials(directory.resolve("keys"))),
                random)) {
      for (int call = 0; call < CALLS; call++) {
        while (random.nextInt(3) == 0) {
          faulty.planAny(FAULTS.get(random.nextInt(FAULTS.size())));
        }
        String name = List.copyOf(possible.keySet()).get(random.nextInt(possible.size()));
        try {
          makeCall(store, name, "content " + call, random.nextInt(6));
        } catch (StorageException.Transient _) {
          // What may have happened is among what is possible.
        }
      }
      var _ = faulty.heal();
      for (String name : possible.keySet()) {
        seen(name, get(store, name));
      }
      seen(store.list(""));
    }
  }

  private void makeCall(ObjectStore store, String name, String content, int kind) throws Exception {
    Set<String> before = possible.getOrDefault(name, Set.of());
    switch (kind) {
      case 0 -> {
        possible.put(name, union(before, content));
        store.put(name, bytes(content));
        possible.put(name, Set.of(content));
      }
      case 1 -> {
        possible.put(name, before.contains(NOTHING) ? union(before, content) : before);
        boolean made = store.putIfAbsent(name, bytes(content));
        assertThat(before).as("made " + name + ": " + made).anyMatch(is -> is.isEmpty() == made);
        possible.put(name, made ? Set.of(content) : filtered(before, is -> !is.isEmpty()));
      }
      case 2 -> {
        possible.put(name, union(before, NOTHING));
        store.delete(name);
        possible.put(name, Set.of(NOTHING));
      }
      case 3 -> seen(store.list(""));
      case 4 -> {
        Path file = Files.writeString(directory.resolve("file"), content);
        possible.put(name, union(before, content));
        store.putFile(name, file);
        possible.put(name, Set.of(content));
      }
      default -> seen(name, get(store, name));
    }
  }

  private static String get(ObjectStore store, String name) throws StorageException {
    return store.get(name).map(bytes -> new String(bytes, StandardCharsets.UTF_8)).orElse(NOTHING);
  }

  private void seen(String name, String content) {
    assertThat(possible.get(name)).as(name).contains(content);
    possible.put(name, Set.of(content));
  }

  private void seen(List<ObjectInfo> listed) {
    Map<String, Long> sizes =
        listed.stream().collect(Collectors.toMap(ObjectInfo::name, ObjectInfo::sizeBytes));
    assertThat(possible.keySet()).containsAll(sizes.keySet());
    possible.replaceAll((name, contents) -> {
      long sizeBytes = sizes.getOrDefault(name, 0L);
      Set<String> left = filtered(contents, content -> content.length() == sizeBytes);
      assertThat(left).as("%s of %d bytes, among %s", name, sizeBytes, contents).isNotEmpty();
      return left;
    });
  }

  private static Set<String> union(Set<String> contents, String more) {
    Set<String> all = new HashSet<>(contents);
    all.add(more);
    return all;
  }

  private static Set<String> filtered(Set<String> contents, Predicate<String> which) {
    return contents.stream().filter(which).collect(Collectors.toSet());
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }
}
