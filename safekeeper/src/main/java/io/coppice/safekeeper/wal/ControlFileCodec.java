package io.coppice.safekeeper.wal;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.TenantId;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.common.id.TimelineId;
import io.coppice.safekeeper.consensus.AcceptorState;
import io.coppice.safekeeper.consensus.Retention;
import io.coppice.safekeeper.consensus.TermHistory;
import io.coppice.safekeeper.consensus.TermSwitch;
import io.coppice.safekeeper.consensus.TimelineProperties;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.CRC32C;

/**
 * A timeline's control file, version 2. Little endian; ids big endian as they are written.
 *
 * <pre>
 *   0        8         12        16                32                48           52
 *   +--------+---------+---------+-----------------+-----------------+------------+
 *   | magic  | version | length  | tenant id       | timeline id     | Postgres   |
 *   | 8      | u32 = 2 | u32     | 16              | 16              | major u32  |
 *   +--------+---------+---------+-----------------+-----------------+------------+
 *   52              56           64           72           76          80
 *   +---------------+------------+------------+------------+-----------+
 *   | WAL segment   | system id  | start LSN  | generation | earlier   |
 *   | size u32      | u64        | u64        | u32        | u32       |
 *   +---------------+------------+------------+------------+-----------+
 *   80        88            96              104       108        112
 *   +---------+-------------+---------------+---------+----------+------------------------+
 *   | term    | commit LSN  | truncate LSN  | entries | zero     | entries x              |
 *   | u64     | u64         | u64           | u32     | u32      | (term u64, start u64)  |
 *   +---------+-------------+---------------+---------+----------+------------------------+
 *   earlier: attempts to make the timeline before this one
 *
 *   112 + 16 * entries
 *   +-----------------+-------------+-------------------+
 *   | local start LSN | backup LSN  | page server's LSN |     not in version 1: there all WAL was
 *   | u64             | u64         | u64               |     kept, and nothing was elsewhere
 *   +-----------------+-------------+-------------------+
 *
 *   136 + 16 * entries
 *   +----------------------+
 *   | CRC32C of all before |     length = size of the file; in every version the last
 *   | u32                  |     four bytes are the CRC32C of all before them
 *   +----------------------+
 * </pre>
 */
final class ControlFileCodec {
  private static final byte[] MAGIC = {'C', 'O', 'P', 'S', 'K', 'C', 'T', 'L'};
  private static final int VERSION = 2;
  private static final int VERSION_WITHOUT_RETENTION = 1;
  private static final int VERSION_OFFSET = 8;
  private static final int LENGTH_OFFSET = 12;
  private static final int FIXED_SIZE_BYTES = 112;
  private static final int ENTRY_SIZE_BYTES = 16;
  private static final int RETENTION_SIZE_BYTES = 24;
  private static final int CRC_SIZE_BYTES = 4;

  /** No control file is larger. */
  static final int SIZE_BYTES_MAX =
      FIXED_SIZE_BYTES
          + TermHistory.ENTRIES_MAX * ENTRY_SIZE_BYTES
          + RETENTION_SIZE_BYTES
          + CRC_SIZE_BYTES;

  private ControlFileCodec() {}

  static byte[] encode(AcceptorState state) {
    List<TermSwitch> entries = state.history().entries();
    int size = (int) sizeOf(VERSION, entries.size());
    ByteBuffer out = ByteBuffer.allocate(size);
    TimelineProperties properties = state.properties();
    out.put(MAGIC).order(ByteOrder.LITTLE_ENDIAN).putInt(VERSION).putInt(size);
    out.order(ByteOrder.BIG_ENDIAN)
        .putLong(properties.id().tenant().high())
        .putLong(properties.id().tenant().low())
        .putLong(properties.id().timeline().high())
        .putLong(properties.id().timeline().low());
    out.order(ByteOrder.LITTLE_ENDIAN)
        .putInt(properties.postgresMajor())
        .putInt(properties.walSegmentSizeBytes())
        .putLong(properties.systemId())
        .putLong(properties.startLsn().value())
        .putInt(state.generation())
        .putInt(properties.creation() - 1)
        .putLong(state.term())
        .putLong(state.commitLsn().value())
        .putLong(state.truncateLsn().value())
        .putInt(entries.size())
        .putInt(0);
    for (TermSwitch entry : entries) {
      out.putLong(entry.term()).putLong(entry.startLsn().value());
    }
    Retention retention = state.retention();
    out.putLong(retention.localStartLsn().value())
        .putLong(retention.backupLsn().value())
        .putLong(retention.pageServerLsn().value());
    out.putInt(crc(out.array(), out.position()));
    return out.array();
  }

  private static long sizeOf(int version, int entries) {
    int retentionSizeBytes = version == VERSION_WITHOUT_RETENTION ? 0 : RETENTION_SIZE_BYTES;
    return FIXED_SIZE_BYTES
        + (long) entries * ENTRY_SIZE_BYTES
        + retentionSizeBytes
        + CRC_SIZE_BYTES;
  }

  /**
   * Reads what {@link #encode} wrote.
   *
   * @param file named in messages
   * @throws StorageException.Corrupt naming file, offset, what was expected and what is there
   * @throws StorageException.Unsupported if it is of a newer version
   */
  static AcceptorState decode(Path file, byte[] bytes) throws StorageException {
    if (bytes.length < FIXED_SIZE_BYTES + CRC_SIZE_BYTES || bytes.length > SIZE_BYTES_MAX) {
      throw corrupt(
          file, 0, "a size of " + (FIXED_SIZE_BYTES + CRC_SIZE_BYTES) + " or more", bytes.length);
    }
    for (int i = 0; i < MAGIC.length; i++) {
      if (bytes[i] != MAGIC[i]) {
        throw corrupt(file, i, "magic byte " + MAGIC[i], bytes[i]);
      }
    }
    ByteBuffer in = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    int crcOffset = bytes.length - CRC_SIZE_BYTES;
    int expectedCrc = crc(bytes, crcOffset);
    if (in.getInt(crcOffset) != expectedCrc) {
      throw corrupt(
          file,
          crcOffset,
          "CRC32C %08x".formatted(expectedCrc),
          "%08x".formatted(in.getInt(crcOffset)));
    }
    int version = in.getInt(VERSION_OFFSET);
    if (version != VERSION && version != VERSION_WITHOUT_RETENTION) {
      throw new StorageException.Unsupported(
          "%s is of version %d; this safekeeper reads versions %d and %d"
              .formatted(file, version, VERSION_WITHOUT_RETENTION, VERSION));
    }
    int entries = in.getInt(104);
    long expectedSize = sizeOf(version, entries);
    if (entries < 0 || in.getInt(LENGTH_OFFSET) != bytes.length || expectedSize != bytes.length) {
      throw corrupt(file, LENGTH_OFFSET, "length " + expectedSize, bytes.length);
    }
    try {
      return readState(in, version, entries);
    } catch (IllegalArgumentException impossible) {
      throw new StorageException.Corrupt(
          "%s: %s".formatted(file, impossible.getMessage()), impossible);
    }
  }

  private static AcceptorState readState(ByteBuffer in, int version, int entries) {
    in.order(ByteOrder.BIG_ENDIAN).position(16);
    TenantId tenant = new TenantId(in.getLong(), in.getLong());
    TimelineId timeline = new TimelineId(in.getLong(), in.getLong());
    in.order(ByteOrder.LITTLE_ENDIAN);
    int postgresMajor = in.getInt();
    int segmentSizeBytes = in.getInt();
    long systemId = in.getLong();
    Lsn startLsn = new Lsn(in.getLong());
    int generation = in.getInt();
    int creation = in.getInt() + 1;
    long term = in.getLong();
    Lsn commitLsn = new Lsn(in.getLong());
    Lsn truncateLsn = new Lsn(in.getLong());
    in.position(FIXED_SIZE_BYTES);
    List<TermSwitch> history = new ArrayList<>(entries);
    for (int i = 0; i < entries; i++) {
      history.add(new TermSwitch(in.getLong(), new Lsn(in.getLong())));
    }
    Retention retention =
        version == VERSION_WITHOUT_RETENTION
            ? Retention.initial(startLsn)
            : new Retention(new Lsn(in.getLong()), new Lsn(in.getLong()), new Lsn(in.getLong()));
    return new AcceptorState(
        new TimelineProperties(
            new TenantTimelineId(tenant, timeline),
            postgresMajor,
            systemId,
            segmentSizeBytes,
            startLsn,
            creation),
        generation,
        term,
        new TermHistory(history),
        commitLsn,
        truncateLsn,
        retention);
  }

  private static int crc(byte[] bytes, int length) {
    CRC32C crc = new CRC32C();
    crc.update(bytes, 0, length);
    return (int) crc.getValue();
  }

  private static StorageException.Corrupt corrupt(
      Path file, int offset, Object expected, Object actual) {
    return new StorageException.Corrupt(
        "%s, offset %d: expected %s, found %s".formatted(file, offset, expected, actual));
  }
}
