package io.coppice.postgres.redo;

import static io.coppice.postgres.bytes.LittleEndian.i32;
import static io.coppice.postgres.bytes.LittleEndian.u16;
import static io.coppice.postgres.bytes.LittleEndian.u8;

import io.coppice.common.error.StorageException;

/**
 * Freezing as of 16 and later: tuples that change in the same way share a plan ({@code
 * xl_heap_freeze_plan}, from 17 on {@code xlhp_freeze_plan}).
 *
 * <pre>
 *  0      4           6          8       9   10       12
 *  | xmax | infomask2 | infomask | flags | - | tuples |
 * </pre>
 */
final class FreezePlans {
  static final int PLAN_BYTES = 12;

  private FreezePlans() {}

  /**
   * Freezes the tuples of each plan.
   *
   * @param plansAt where the plans begin, which must be there in full
   * @param offsetsAt where the tuples' offset numbers begin, in the order of the plans
   */
  static void apply(byte[] page, StoredRecord record, int plansAt, int plans, int offsetsAt)
      throws StorageException.Corrupt {
    byte[] bytes = record.bytes();
    int offsetAt = offsetsAt;
    for (int i = 0; i < plans; i++) {
      int plan = plansAt + i * PLAN_BYTES;
      int tuples = u16(bytes, plan + 10);
      if (offsetAt + tuples * 2 > record.dataEnd()) {
        throw new StorageException.Corrupt("offset numbers of tuples to freeze are cut off");
      }
      for (int j = 0; j < tuples; j++, offsetAt += 2) {
        HeapPruning.freeze(
            page,
            u16(bytes, offsetAt),
            i32(bytes, plan),
            u16(bytes, plan + 4),
            u16(bytes, plan + 6),
            u8(bytes, plan + 8));
      }
    }
  }
}
