package io.coppice.pageserver.layer;

import java.nio.ByteBuffer;

/**
 * The versions of a key that are one entry of a layer file, newest first. An entry costs more than
 * most versions do, to write as well as to come to, so small ones of a key share entries.
 *
 * <pre>
 *  value of an entry
 *  | count - 1 | LSNs | lengths | values, newest first |
 * </pre>
 *
 * The count and what follows up to the values are varints of seven bits a byte, least significant
 * first. An LSN is how much it is above that of the next older version, and the oldest one's is in
 * the entry's key; so a seek to (key, LSN) finds the newest entry that has a version at or before
 * that LSN. A length is missing for the oldest, too, which reaches to the end.
 *
 * <p>Here they are decoded. Used again from entry to entry; not thread safe.
 */
final class VersionRun {
  /** Versions of one entry. */
  static final int COUNT_MAX = 128;

  /** Bytes of the values of an entry that has more than one. */
  static final int SIZE_BYTES_MAX = 4 << 10;

  private static final int VARINT_BYTES_MAX = 9;

  private final long[] lsns = new long[COUNT_MAX];
  private final int[] ends = new int[COUNT_MAX];
  private ByteBuffer entry = ByteBuffer.allocate(0);
  private int valuesStart;
  private int count;

  /** An entry cannot be what a writer wrote. */
  static final class Malformed extends Exception {
    private static final long serialVersionUID = 1;

    Malformed(String message) {
      super(message);
    }
  }

  /** Takes the entry as a value and nothing else. */
  void setSingle(ByteBuffer value, long lsn) {
    entry = value;
    valuesStart = value.position();
    count = 1;
    lsns[0] = lsn;
    ends[0] = value.limit();
  }

  /**
   * Reads an entry, whose buffer must stay as it is as long as this is used.
   *
   * @param oldestLsn the one in its key
   */
  void decode(ByteBuffer newEntry, long oldestLsn) throws Malformed {
    entry = newEntry;
    long more = varint();
    check(more < COUNT_MAX, "versions", more + 1);
    count = (int) more + 1;
    for (int i = 0; i < count - 1; i++) {
      lsns[i] = varint();
    }
    lsns[count - 1] = oldestLsn;
    for (int i = count - 2; i >= 0; i--) {
      long above = lsns[i];
      lsns[i] = lsns[i + 1] + above;
      check(above > 0 && Long.compareUnsigned(lsns[i], above) > 0, "LSN", lsns[i]);
    }
    long end = 0;
    for (int i = 0; i < count - 1; i++) {
      end += varint();
      check(end <= SIZE_BYTES_MAX, "bytes of values", end);
      ends[i] = (int) end;
    }
    valuesStart = entry.position();
    check(end <= entry.remaining(), "bytes of values", end);
    for (int i = 0; i < count - 1; i++) {
      ends[i] += valuesStart;
    }
    ends[count - 1] = entry.limit();
  }

  private long varint() throws Malformed {
    long value = 0;
    for (int i = 0; i < VARINT_BYTES_MAX; i++) {
      check(entry.hasRemaining(), "bytes", entry.limit());
      byte next = entry.get();
      value |= (next & 0x7FL) << (7 * i);
      if (next >= 0) {
        return value;
      }
    }
    throw new Malformed("a number that does not end");
  }

  private static void check(boolean holds, String what, long found) throws Malformed {
    if (!holds) {
      throw new Malformed("%s: %d".formatted(what, found));
    }
  }

  int count() {
    return count;
  }

  long lsn(int version) {
    return lsns[version];
  }

  /** The newest version at or before an LSN; the count if there is none. */
  int newestAtOrBefore(long lsn) {
    int version = 0;
    while (version < count && Long.compareUnsigned(lsns[version], lsn) > 0) {
      version++;
    }
    return version;
  }

  /** A value, as position and limit of the entry's buffer; until the next call. */
  ByteBuffer value(int version) {
    int start = version == 0 ? valuesStart : ends[version - 1];
    return entry.limit(ends[version]).position(start);
  }
}
