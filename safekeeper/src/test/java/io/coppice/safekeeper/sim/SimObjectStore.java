package io.coppice.safekeeper.sim;

import com.github.luben.zstd.ZstdInputStreamNoFinalizer;
import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.objectstore.ObjectInfo;
import io.coppice.common.objectstore.ObjectStore;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.TreeMap;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Objects in memory. A call may fail without having been done, or having been done. */
final class SimObjectStore implements ObjectStore {
  private static final Pattern SEGMENT = Pattern.compile(".*/[0-9A-F]{24}\\.zst");
  private static final String SEGMENT_SUFFIX = ".zst";
  private static final int PER_MILLION = 60_000;

  private final World world;
  private final NavigableMap<String, SimObject> objects = new TreeMap<>();

  SimObjectStore(World world) {
    this.world = world;
  }

  /** The segment that holds {@code at}, as it was before it was compressed and uploaded. */
  Optional<byte[]> segment(Lsn at) {
    String name = DurableLog.segmentName(at) + SEGMENT_SUFFIX;
    return objects.entrySet().stream()
        .filter(entry -> entry.getKey().endsWith("/" + name))
        .map(entry -> entry.getValue().expanded())
        .findFirst();
  }

  /** What is stored, and of a segment, which is looked at again and again, what it expands to. */
  private static final class SimObject {
    private final byte[] bytes;
    private byte @Nullable [] expanded;

    SimObject(byte[] bytes) {
      this.bytes = bytes;
    }

    byte[] expanded() {
      byte[] known = expanded;
      if (known == null) {
        known = expand();
        expanded = known;
      }
      return known;
    }

    private byte[] expand() {
      try (InputStream in = new ZstdInputStreamNoFinalizer(new ByteArrayInputStream(bytes))) {
        return in.readAllBytes();
      } catch (IOException e) {
        throw new Violation("a segment was uploaded that does not expand: " + e);
      }
    }
  }

  private void before(String name) throws StorageException.Transient {
    if (world.faults.strikes(FaultKind.STORE_FAILURE, PER_MILLION)) {
      world.coverage.mark("refused by the object store");
      throw new StorageException.Transient("object store: no answer for " + name);
    }
  }

  private void after(String name) throws StorageException.Transient {
    if (world.faults.strikes(FaultKind.STORE_ANSWER_LOST, PER_MILLION)) {
      world.coverage.mark("done by the object store without an answer");
      throw new StorageException.Transient("object store: lost the answer for " + name);
    }
  }

  @Override
  public void put(String name, byte[] contents) throws StorageException {
    before(name);
    world.trace.add("object %s", name);
    SimObject object = new SimObject(contents.clone());
    objects.put(name, object);
    boolean isSegment = SEGMENT.matcher(name).matches();
    String segment = name.substring(0, name.length() - (isSegment ? SEGMENT_SUFFIX.length() : 0));
    if (isSegment && !objects.containsKey(segment + ".crc")) {
      throw new Violation("object %s is there before its checksums".formatted(name));
    }
    if (isSegment) {
      world.oracle.uploaded(segment, object.expanded());
      world.coverage.mark("a segment was uploaded");
    }
    after(name);
  }

  @Override
  public boolean putIfAbsent(String name, byte[] contents) {
    throw new UnsupportedOperationException("safekeepers do not call putIfAbsent");
  }

  @Override
  public void putFile(String name, Path file) throws StorageException {
    try {
      put(name, Files.readAllBytes(file));
    } catch (IOException e) {
      throw new StorageException.Transient("object store: cannot read " + file, e);
    }
  }

  @Override
  public Optional<byte[]> get(String name) throws StorageException {
    before(name);
    return Optional.ofNullable(objects.get(name)).map(object -> object.bytes.clone());
  }

  @Override
  public void getToFile(String name, Path file) throws StorageException {
    Optional<byte[]> bytes = get(name);
    if (bytes.isEmpty()) {
      throw new StorageException.NotFound("no object " + name);
    }
    try {
      Files.write(file, bytes.get());
    } catch (IOException e) {
      throw new StorageException.Transient("object store: cannot write " + file, e);
    }
  }

  @Override
  public List<ObjectInfo> list(String prefix) throws StorageException {
    before(prefix);
    return objects.tailMap(prefix).entrySet().stream()
        .takeWhile(entry -> entry.getKey().startsWith(prefix))
        .map(entry -> new ObjectInfo(entry.getKey(), entry.getValue().bytes.length))
        .toList();
  }

  @Override
  public List<String> listDirectories(String prefix) {
    throw new UnsupportedOperationException("safekeepers do not call listDirectories");
  }

  @Override
  public void delete(String name) throws StorageException {
    before(name);
    objects.remove(name);
    after(name);
  }
}
