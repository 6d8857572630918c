package io.coppice.postgres.datadir;

/**
 * The tables of transaction state that are logged and kept in segments of {@value
 * #PAGES_PER_SEGMENT} pages ({@code slru.h}); of transactions' subtransaction parents,
 * notifications and the like nothing is kept.
 */
public enum SlruKind {
  /** Two bits for each transaction. */
  CLOG(0, "pg_xact"),
  /** The transactions of each multixact. */
  MULTIXACT_MEMBERS(1, "pg_multixact/members"),
  /** Where the members of each multixact begin. */
  MULTIXACT_OFFSETS(2, "pg_multixact/offsets"),
  /** Time of each commit, if the server tracks them. */
  COMMIT_TS(3, "pg_commit_ts");

  public static final int PAGES_PER_SEGMENT = 32;

  /** Segment names have at least this many hexadecimal digits. */
  private static final int NAME_DIGITS_MIN = 4;

  private static final int NAME_DIGITS_MAX = 6;
  private static final String DIGITS = "0123456789ABCDEF";

  private final int number;
  private final String directory;

  SlruKind(int number, String directory) {
    this.number = number;
    this.directory = directory;
  }

  /** The number that stands for it in keys. */
  public int number() {
    return number;
  }

  /** Where its segments are in a data directory. */
  public String directory() {
    return directory;
  }

  /** Path of a segment in a data directory. */
  public String path(int segment) {
    return directory + "/" + segmentName(segment);
  }

  public static String segmentName(int segment) {
    return "%04X".formatted(segment);
  }

  /** The segment of that name, or -1 if it is not one. */
  static int parseSegmentName(String name) {
    if (name.length() < NAME_DIGITS_MIN || name.length() > NAME_DIGITS_MAX) {
      return -1;
    }
    int segment = 0;
    for (int i = 0; i < name.length(); i++) {
      int digit = DIGITS.indexOf(name.charAt(i));
      if (digit < 0) {
        return -1;
      }
      segment = segment << 4 | digit;
    }
    return segmentName(segment).equals(name) ? segment : -1;
  }
}
