package io.coppice.common.id;

/**
 * A position in the write-ahead log: an unsigned 64-bit byte offset, shown as Postgres shows it,
 * two hexadecimal halves parted by a slash ({@code 16/B374D848}).
 *
 * <p>Ordered as an unsigned number. {@link #INVALID} (zero) is no position at all.
 */
public record Lsn(long value) implements Comparable<Lsn> {

  /** No position: what Postgres calls {@code InvalidXLogRecPtr}. */
  public static final Lsn INVALID = new Lsn(0);

  /** Above every position that can occur. */
  public static final Lsn MAX = new Lsn(-1L);

  /** Records begin at multiples of this ({@code MAXIMUM_ALIGNOF}). */
  public static final int ALIGNMENT_BYTES = 8;

  /**
   * Reads the form that {@link #toString} and Postgres write.
   *
   * @throws IllegalArgumentException if the text is not two hexadecimal numbers of at most eight
   *     digits parted by a slash
   */
  public static Lsn parse(String text) {
    int slash = text.indexOf('/');
    if (slash < 1 || slash > 8 || text.length() - slash - 1 < 1 || text.length() - slash - 1 > 8) {
      throw malformed(text);
    }
    long high = parseHalf(text, 0, slash);
    long low = parseHalf(text, slash + 1, text.length());
    return new Lsn(high << 32 | low);
  }

  private static long parseHalf(String text, int from, int to) {
    long value = 0;
    for (int i = from; i < to; i++) {
      char c = text.charAt(i);
      int digit = c < 128 ? Character.digit(c, 16) : -1;
      if (digit < 0) {
        throw malformed(text);
      }
      value = value << 4 | digit;
    }
    return value;
  }

  private static IllegalArgumentException malformed(String text) {
    return new IllegalArgumentException(
        "not an LSN: \"%s\" (expected two hexadecimal numbers, such as 0/16B3748)".formatted(text));
  }

  public boolean isValid() {
    return value != 0;
  }

  public boolean isBefore(Lsn other) {
    return Long.compareUnsigned(value, other.value) < 0;
  }

  public boolean isAfter(Lsn other) {
    return Long.compareUnsigned(value, other.value) > 0;
  }

  public boolean isAtOrAfter(Lsn other) {
    return Long.compareUnsigned(value, other.value) >= 0;
  }

  public boolean isAtOrBefore(Lsn other) {
    return Long.compareUnsigned(value, other.value) <= 0;
  }

  /** The position that many bytes further on. */
  public Lsn plus(long sizeBytes) {
    return new Lsn(value + sizeBytes);
  }

  /** Bytes from {@code earlier} to this position; negative if it is in fact later. */
  public long minus(Lsn earlier) {
    return value - earlier.value;
  }

  /** This position rounded up to where a record may begin. */
  public Lsn alignedUp() {
    return new Lsn((value + ALIGNMENT_BYTES - 1) & -ALIGNMENT_BYTES);
  }

  public static Lsn min(Lsn a, Lsn b) {
    return a.isBefore(b) ? a : b;
  }

  public static Lsn max(Lsn a, Lsn b) {
    return a.isAfter(b) ? a : b;
  }

  @Override
  public int compareTo(Lsn other) {
    return Long.compareUnsigned(value, other.value);
  }

  @Override
  public String toString() {
    return "%X/%X".formatted(value >>> 32, value & 0xFFFF_FFFFL);
  }
}
