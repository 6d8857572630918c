package io.coppice.postgres.record;

/** Arithmetic of 32-bit transaction and multixact ids, which wrap around ({@code transam.c}). */
public final class TransactionIds {
  /** The first id that a transaction can have; lower ones have a meaning of their own. */
  public static final int FIRST_NORMAL = 3;

  private TransactionIds() {}

  /** Whether the id is of a transaction, not one of the special ones. */
  public static boolean isNormal(int xid) {
    return Integer.compareUnsigned(xid, FIRST_NORMAL) >= 0;
  }

  /** Whether {@code a} is older than {@code b}; special ids are older than all others. */
  public static boolean precedes(int a, int b) {
    if (!isNormal(a) || !isNormal(b)) {
      return Integer.compareUnsigned(a, b) < 0;
    }
    return a - b < 0;
  }

  /** Whether multixact {@code a} is older than {@code b}. */
  public static boolean multiPrecedes(int a, int b) {
    return a - b < 0;
  }

  /**
   * The full id of a transaction that is at most half the circle away from {@code nextFullXid}: the
   * one that the 32 bits mean at that time.
   */
  public static long widen(int xid, long nextFullXid) {
    return nextFullXid + (xid - (int) nextFullXid);
  }
}
