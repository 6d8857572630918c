package io.coppice.pageserver.layer;

import io.coppice.common.error.Invariant;
import io.coppice.common.error.StorageException;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.common.key.Key;
import io.coppice.common.platform.DurableFiles;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import org.rocksdb.RocksDBException;
import org.rocksdb.SstFileWriter;

/**
 * Writes one layer file under a temporary name. Not thread safe; closing without {@link #finish}
 * removes the file.
 */
public final class SstLayerWriter implements AutoCloseable {
  private static final int READ_AHEAD_VERSIONS = 64;

  private final Path file;
  private final int level;
  private final SstFileWriter writer;
  private final ByteBuffer keyBuffer = LayerKeys.newBuffer();
  private final VersionRunWriter run = new VersionRunWriter();
  private long entryCount;
  private long versionCount;

  // Keeps reads that have no other use from being optimised away.
  @SuppressWarnings("UnusedVariable")
  private int readAheadResult;

  private long valueBytes;
  private boolean finished;

  private SstLayerWriter(Path file, int level, SstFileWriter writer) {
    this.file = file;
    this.level = level;
    this.writer = writer;
  }

  /** Begins a file, whose directory is there. */
  public static SstLayerWriter create(
      LayerEnvironment environment, LayerKind kind, int level, Path file) throws StorageException {
    SstFileWriter writer =
        new SstFileWriter(environment.envOptions(), environment.options(kind, level));
    try {
      writer.open(file.toString());
      return new SstLayerWriter(file, level, writer);
    } catch (RocksDBException e) {
      writer.close();
      throw failed(file, e);
    }
  }

  /** Adds a value; keys ascend, and for a key LSNs descend. */
  public void put(Key key, long lsn, byte[] value, int offset, int length) throws StorageException {
    put(key, lsn, ByteBuffer.wrap(value, offset, length));
  }

  /** As the other, with the value in a buffer of any kind. */
  public void put(Key key, long lsn, ByteBuffer value) throws StorageException {
    if (!run.takes(key, value.remaining())) {
      writeRun();
    }
    valueBytes += value.remaining();
    versionCount++;
    run.add(key, lsn, value);
  }

  private void writeRun() throws StorageException {
    if (run.isEmpty()) {
      return;
    }
    LayerKeys.encode(keyBuffer, run.key(), run.oldestLsn());
    try {
      writer.put(keyBuffer, run.entry());
    } catch (RocksDBException e) {
      throw failed(file, e);
    }
    run.clear();
    entryCount++;
  }

  /**
   * Adds all that is in a layer to which nothing is written any more. Of values of a key at one LSN
   * the last counts.
   *
   * @return the smallest and the largest key
   */
  public KeyBounds putAll(OpenLayer layer) throws StorageException {
    int[] order = DrainOrder.of(layer);
    Invariant.check(order.length > 0, "%s is empty", layer);
    ByteBuffer[] chunks = new ByteBuffer[layer.log().chunkCount()];
    long previousEntry = KeyTable.NONE;
    long previousLsn = 0;
    Key key = Key.MIN;
    for (int i = 0; i < order.length; i++) {
      if (i % READ_AHEAD_VERSIONS == 0) {
        readAhead(layer, order, i);
      }
      long version = DrainOrder.position(order[i]);
      long entry = layer.entry(version);
      long lsn = layer.lsn(version);
      if (entry != previousEntry) {
        key = layer.keys().key(entry);
      } else if (lsn == previousLsn) {
        continue;
      }
      put(key, lsn, valueOf(layer, version, chunks));
      previousEntry = entry;
      previousLsn = lsn;
    }
    return new KeyBounds(layer.keys().key(layer.entry(DrainOrder.position(order[0]))), key);
  }

  /**
   * Touches the next versions, which lie all over the memory: their cache misses overlap, where
   * those of one version after another would be waited for.
   */
  private void readAhead(OpenLayer layer, int[] order, int from) {
    int touched = 0;
    int to = Math.min(order.length, from + READ_AHEAD_VERSIONS);
    for (int i = from; i < to; i++) {
      touched += layer.length(DrainOrder.position(order[i]));
    }
    for (int i = from; i < to; i++) {
      touched += layer.touch(DrainOrder.position(order[i]));
    }
    readAheadResult = touched;
  }

  /** First and last key of a file. */
  public record KeyBounds(Key first, Key last) {}

  private static ByteBuffer valueOf(OpenLayer layer, long version, ByteBuffer[] chunks) {
    int chunk = OffHeapLog.chunkNumber(version);
    if (chunks[chunk] == null) {
      MemorySegment memory = layer.log().chunk(version);
      chunks[chunk] = memory.asByteBuffer();
    }
    int at = (int) OffHeapLog.offset(version) + OpenLayer.HEADER_SIZE_BYTES;
    return chunks[chunk].limit(at + layer.length(version)).position(at);
  }

  public long versionCount() {
    return versionCount;
  }

  /** Bytes of all values so far, before compression. */
  public long valueBytes() {
    return valueBytes;
  }

  /** Ends the file and syncs it; giving it its name is left to the caller. */
  public LayerDescriptor finish(TenantTimelineId owner, LayerName name) throws StorageException {
    writeRun();
    try {
      writer.put(
          LayerIdentity.key(),
          new LayerIdentity(owner, name, true, entryCount, versionCount).encode());
      writer.finish();
      DurableFiles.syncFile(file);
      LayerDescriptor written =
          new LayerDescriptor(name, level, Files.size(file), FileChecksum.crc32c(file));
      finished = true;
      return written;
    } catch (RocksDBException | IOException e) {
      throw failed(file, e);
    }
  }

  private static StorageException failed(Path file, Exception e) {
    return new StorageException.Transient("cannot write layer file %s: %s".formatted(file, e), e);
  }

  @Override
  public void close() {
    writer.close();
    if (!finished) {
      try {
        Files.deleteIfExists(file);
      } catch (IOException _) {
        // Temporary files are removed at the next start.
      }
    }
  }
}
