package io.coppice.pageserver.layer;

import io.coppice.common.key.Key;
import java.nio.ByteBuffer;

/**
 * Keys inside of a layer file.
 *
 * <pre>
 *  0                 18            26
 *  | page key        | ~LSN        |    big endian, ordered as unsigned bytes
 * </pre>
 *
 * The LSN is inverted so that the newest version of a key comes first, and a seek to (key, LSN)
 * finds the newest one at or before it.
 */
final class LayerKeys {
  static final int SIZE_BYTES = Key.SIZE_BYTES + Long.BYTES;

  private LayerKeys() {}

  /** A buffer of the right kind. */
  static ByteBuffer newBuffer() {
    return ByteBuffer.allocateDirect(SIZE_BYTES);
  }

  /** Fills a buffer, ready to be read from its start. */
  static void encode(ByteBuffer to, Key key, long lsn) {
    to.clear();
    to.put((byte) key.field1());
    to.putInt(key.field2());
    to.putInt(key.field3());
    to.putInt(key.field4());
    to.put((byte) key.field5());
    to.putInt(key.field6());
    to.putLong(~lsn);
    to.flip();
  }

  static Key key(ByteBuffer from) {
    return new Key(
        from.get(0) & 0xFF,
        from.getInt(1),
        from.getInt(5),
        from.getInt(9),
        from.get(13) & 0xFF,
        from.getInt(14));
  }

  /** Whether the page keys are the same, whatever the LSNs. */
  static boolean isSameKey(ByteBuffer one, ByteBuffer other) {
    return one.getLong(0) == other.getLong(0)
        && one.getLong(8) == other.getLong(8)
        && one.getShort(16) == other.getShort(16);
  }

  static void setLsn(ByteBuffer to, long lsn) {
    to.putLong(Key.SIZE_BYTES, ~lsn);
  }

  static long lsn(ByteBuffer from) {
    return ~from.getLong(Key.SIZE_BYTES);
  }
}
