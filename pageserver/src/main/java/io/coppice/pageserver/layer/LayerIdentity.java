package io.coppice.pageserver.layer;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.TenantId;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.common.id.TimelineId;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * What a layer file says of itself, so that a file under a wrong name is noticed: the last entry of
 * the file, under a key of 26 bytes 0xFF, above all others.
 *
 * <pre>
 *  0          8          12        28          44            52             60
 *  | "COPPLAYR" | format u32 | tenant  | timeline  | entries u64 | versions u64 | name, ASCII |
 * </pre>
 *
 * Big endian. The block's checksum covers it. In format 1 each version was an entry, without what
 * {@link VersionRun} puts before values, and the name followed the entries.
 *
 * @param hasRuns whether entries may have more than one version
 * @param entryCount without the identity
 */
record LayerIdentity(
    TenantTimelineId owner, LayerName name, boolean hasRuns, long entryCount, long versionCount) {
  static final int FORMAT_VERSION = 2;
  private static final int FORMAT_WITHOUT_RUNS = 1;

  private static final long MAGIC = 0x434F_5050_4C41_5952L;
  private static final int NAME_OFFSET = 60;
  private static final int NAME_OFFSET_WITHOUT_RUNS = 52;

  static byte[] key() {
    byte[] key = new byte[LayerKeys.SIZE_BYTES];
    Arrays.fill(key, (byte) 0xFF);
    return key;
  }

  /** Whether an entry's key is that of the identity. */
  static boolean isKey(ByteBuffer key) {
    return key.get(0) == (byte) 0xFF;
  }

  byte[] encode() {
    byte[] text = name.toString().getBytes(StandardCharsets.US_ASCII);
    return ByteBuffer.allocate(NAME_OFFSET + text.length)
        .putLong(MAGIC)
        .putInt(FORMAT_VERSION)
        .putLong(owner.tenant().high())
        .putLong(owner.tenant().low())
        .putLong(owner.timeline().high())
        .putLong(owner.timeline().low())
        .putLong(entryCount)
        .putLong(versionCount)
        .put(text)
        .array();
  }

  static LayerIdentity decode(byte[] bytes) throws StorageException.Corrupt {
    ByteBuffer from = ByteBuffer.wrap(bytes);
    if (bytes.length <= NAME_OFFSET || from.getLong() != MAGIC) {
      throw new StorageException.Corrupt("has no identity of a layer file");
    }
    int format = from.getInt();
    if (format != FORMAT_VERSION && format != FORMAT_WITHOUT_RUNS) {
      throw new StorageException.Corrupt(
          "is of format version %d; this program reads %d and %d"
              .formatted(format, FORMAT_WITHOUT_RUNS, FORMAT_VERSION));
    }
    boolean hasRuns = format == FORMAT_VERSION;
    TenantId tenant = new TenantId(from.getLong(), from.getLong());
    TimelineId timeline = new TimelineId(from.getLong(), from.getLong());
    long entryCount = from.getLong();
    long versionCount = hasRuns ? from.getLong() : entryCount;
    int nameOffset = hasRuns ? NAME_OFFSET : NAME_OFFSET_WITHOUT_RUNS;
    String name =
        new String(bytes, nameOffset, bytes.length - nameOffset, StandardCharsets.US_ASCII);
    try {
      return new LayerIdentity(
          new TenantTimelineId(tenant, timeline),
          LayerName.parse(name),
          hasRuns,
          entryCount,
          versionCount);
    } catch (IllegalArgumentException e) {
      throw new StorageException.Corrupt("names itself \"%s\"".formatted(name), e);
    }
  }
}
