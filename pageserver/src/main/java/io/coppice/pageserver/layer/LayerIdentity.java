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
 *  0          8          12        28          44            52
 *  | "COPPLAYR" | version u32 | tenant  | timeline  | entries u64 | name, ASCII |
 * </pre>
 *
 * Big endian. The block's checksum covers it.
 *
 * @param entryCount without the identity
 */
record LayerIdentity(TenantTimelineId owner, LayerName name, long entryCount) {
  static final int FORMAT_VERSION = 1;

  private static final long MAGIC = 0x434F_5050_4C41_5952L;
  private static final int NAME_OFFSET = 52;

  static byte[] key() {
    byte[] key = new byte[LayerKeys.SIZE_BYTES];
    Arrays.fill(key, (byte) 0xFF);
    return key;
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
        .put(text)
        .array();
  }

  static LayerIdentity decode(byte[] bytes) throws StorageException.Corrupt {
    ByteBuffer from = ByteBuffer.wrap(bytes);
    if (bytes.length <= NAME_OFFSET || from.getLong() != MAGIC) {
      throw new StorageException.Corrupt("has no identity of a layer file");
    }
    int version = from.getInt();
    if (version != FORMAT_VERSION) {
      throw new StorageException.Corrupt(
          "is of format version %d; this program reads %d".formatted(version, FORMAT_VERSION));
    }
    TenantId tenant = new TenantId(from.getLong(), from.getLong());
    TimelineId timeline = new TimelineId(from.getLong(), from.getLong());
    long entryCount = from.getLong();
    String name =
        new String(bytes, NAME_OFFSET, bytes.length - NAME_OFFSET, StandardCharsets.US_ASCII);
    try {
      return new LayerIdentity(
          new TenantTimelineId(tenant, timeline), LayerName.parse(name), entryCount);
    } catch (IllegalArgumentException e) {
      throw new StorageException.Corrupt("names itself \"%s\"".formatted(name), e);
    }
  }
}
