package io.coppice.postgres.control;

import static io.coppice.postgres.bytes.LittleEndian.i32;
import static io.coppice.postgres.bytes.LittleEndian.putI32;

/**
 * The checkpoint struct of 17 and 18 ({@code pg_control.h}): that of 14 to 16 with the WAL level in
 * what was padding.
 *
 * <pre>
 *  16                 17   20          24
 *  | full page writes | -  | WAL level | next full xid ...
 * </pre>
 */
final class CheckPointV17To18Codec implements CheckPointCodec {
  static final CheckPointV17To18Codec INSTANCE = new CheckPointV17To18Codec();

  private static final int WAL_LEVEL = 20;

  private CheckPointV17To18Codec() {}

  @Override
  public int sizeBytes() {
    return CheckPointV14To16Codec.INSTANCE.sizeBytes();
  }

  @Override
  public void read(CheckPoint into, byte[] bytes, int offset) {
    CheckPointV14To16Codec.INSTANCE.read(into, bytes, offset);
    into.setWalLevel(i32(bytes, offset + WAL_LEVEL));
  }

  @Override
  public void write(CheckPoint from, byte[] bytes, int offset) {
    CheckPointV14To16Codec.INSTANCE.write(from, bytes, offset);
    putI32(bytes, offset + WAL_LEVEL, from.walLevel());
  }
}
