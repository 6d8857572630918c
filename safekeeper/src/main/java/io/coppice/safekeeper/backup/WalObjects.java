package io.coppice.safekeeper.backup;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.common.objectstore.ObjectInfo;
import io.coppice.common.objectstore.ObjectStore;
import io.coppice.postgres.wal.WalSegmentName;
import io.coppice.safekeeper.consensus.TimelineProperties;
import io.coppice.safekeeper.wal.SegmentCopy;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;

/**
 * The objects that hold one timeline's WAL.
 *
 * <pre>
 *   wal/TENANT/TIMELINE/CREATION/0000000100000000000000A3.zst  a segment as Postgres would have it, compressed
 *   wal/TENANT/TIMELINE/CREATION/0000000100000000000000A3.crc  the checksums of its blocks, as beside a segment
 * </pre>
 *
 * <p>The checksums are there before the segment is, so whoever finds a segment can check it. Both
 * are the same whichever safekeeper they came from: to write one again does no harm.
 */
public final class WalObjects {
  static final String ROOT = "wal/";
  static final String CHECKSUM_SUFFIX = ".crc";
  private static final int POSTGRES_TIMELINE = 1;

  private final ObjectStore store;
  private final TimelineProperties properties;

  public WalObjects(ObjectStore store, TimelineProperties properties) {
    this.store = store;
    this.properties = properties;
  }

  /** What the names of all objects of a timeline begin with, of any creation of it. */
  static String prefix(TenantTimelineId id) {
    return ROOT + id.tenant() + "/" + id.timeline() + "/";
  }

  /** Deletes the objects of a timeline, of every creation of it. */
  public static void deleteAll(ObjectStore store, TenantTimelineId id) throws StorageException {
    for (ObjectInfo found : store.list(prefix(id))) {
      store.delete(found.name());
    }
  }

  String prefix() {
    return prefix(properties.id()) + properties.creation() + "/";
  }

  /** Where the segment that holds {@code lsn} begins. */
  Lsn segmentStart(Lsn lsn) {
    return lsn.plus(-Long.remainderUnsigned(lsn.value(), properties.walSegmentSizeBytes()));
  }

  /** Where it ends. */
  Lsn segmentEnd(Lsn lsn) {
    return segmentStart(lsn).plus(properties.walSegmentSizeBytes());
  }

  /** How many segments there are before the one that holds {@code lsn}. */
  long segmentNumber(Lsn lsn) {
    return Long.divideUnsigned(lsn.value(), properties.walSegmentSizeBytes());
  }

  /** The segment that holds {@code lsn}, as Postgres names it. */
  String fileName(Lsn lsn) {
    int sizeBytes = properties.walSegmentSizeBytes();
    return WalSegmentName.of(POSTGRES_TIMELINE, lsn, sizeBytes).fileName(sizeBytes);
  }

  /** The object with the segment that holds {@code lsn}. */
  String name(Lsn lsn) {
    return prefix() + fileName(lsn) + CompressedSegment.SUFFIX;
  }

  private String checksumsName(Lsn lsn) {
    return prefix() + fileName(lsn) + CHECKSUM_SUFFIX;
  }

  /** Whether both objects of a segment are there, and the one of a known size has it. */
  boolean hasSegment(Lsn lsn) throws StorageException {
    Map<String, Long> sizes = new HashMap<>();
    for (ObjectInfo found : store.list(prefix() + fileName(lsn))) {
      sizes.put(found.name(), found.sizeBytes());
    }
    long checksumsSizeBytes = SegmentCopy.checksumsSizeBytes(properties.walSegmentSizeBytes());
    return sizes.getOrDefault(name(lsn), 0L) > 0
        && sizes.getOrDefault(checksumsName(lsn), 0L) == checksumsSizeBytes;
  }

  void putChecksums(Lsn lsn, ByteBuffer checksums) throws StorageException {
    put(checksumsName(lsn), checksums);
  }

  void put(String name, ByteBuffer contents) throws StorageException {
    byte[] bytes = new byte[contents.remaining()];
    contents.get(contents.position(), bytes);
    store.put(name, bytes);
  }

  void putSegment(Lsn lsn, Path compressed) throws StorageException {
    store.putFile(name(lsn), compressed);
  }

  /**
   * Fetches a segment and its checksums into a directory, under the names they had there.
   *
   * @throws StorageException.Corrupt if one of them is not in the store, which should have it, or
   *     the segment is not what it should be
   */
  void fetch(Lsn lsn, Path directory) throws StorageException, IOException {
    Path segment = directory.resolve(fileName(lsn));
    fetch(checksumsName(lsn), lsn, directory.resolve(fileName(lsn) + CHECKSUM_SUFFIX));
    Path compressed = directory.resolve(fileName(lsn) + CompressedSegment.SUFFIX);
    fetch(name(lsn), lsn, compressed);
    CompressedSegment.expand(compressed, segment, properties.walSegmentSizeBytes(), name(lsn));
    Files.delete(compressed);
  }

  private void fetch(String name, Lsn lsn, Path into) throws StorageException {
    try {
      store.getToFile(name, into);
    } catch (StorageException.NotFound missing) {
      throw new StorageException.Corrupt(
          "object %s, offset 0: expected a part of the WAL at %s, found no such object"
              .formatted(name, lsn),
          missing);
    }
  }
}
