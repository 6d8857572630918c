package io.coppice.postgres.page;

import static io.coppice.postgres.bytes.LittleEndian.putU16;
import static io.coppice.postgres.bytes.LittleEndian.u16;

import io.coppice.common.error.StorageException;

/**
 * A compressed posting list of a GIN index, of which the leaves of a posting tree hold several
 * ({@code ginblock.h}, {@code ginpostinglist.c}).
 *
 * <pre>
 *  0                     6           8
 *  +---------------------+-----------+------------------------------+---------+
 *  | first heap position | bytes u16 | differences to the one before | padding |   to an even size
 *  +---------------------+-----------+------------------------------+---------+
 * </pre>
 *
 * As a number, a heap position is its block and, in the low 11 bits, its offset number. A
 * difference is written 7 bits a byte, low ones first; the top bit of a byte says that more follow.
 */
public final class GinSegment {
  public static final int HEADER_BYTES = 8;

  /** {@code MaxBytesPerInteger}: 43 bits need no more. */
  private static final int DIFFERENCE_BYTES_MAX = 7;

  private static final int OFFSET_BITS = 11;
  private static final int OFFSET_MAX = (1 << OFFSET_BITS) - 1;
  private static final int BYTES_AT = 6;
  private static final long POSITION_MAX = (1L << (OFFSET_BITS + 32)) - 1;
  private static final long NO_POSITION = Long.MAX_VALUE;

  private GinSegment() {}

  /**
   * What a segment takes up.
   *
   * @param end of the bytes that it must lie within
   */
  public static int size(byte[] bytes, int segment, int end) throws StorageException.Corrupt {
    if (segment + HEADER_BYTES > end) {
      throw new StorageException.Corrupt(
          "%d bytes left where a posting list was expected".formatted(end - segment));
    }
    int size = HEADER_BYTES + even(u16(bytes, segment + BYTES_AT));
    if (segment + size > end) {
      throw new StorageException.Corrupt(
          "a posting list of %d bytes in %d".formatted(size, end - segment));
    }
    return size;
  }

  private static int even(int length) {
    return length + 1 & ~1;
  }

  /** The heap position that lies there, as a number. */
  public static long position(byte[] bytes, int at) throws StorageException.Corrupt {
    int offsetNumber = u16(bytes, at + 4);
    if (offsetNumber < 1 || offsetNumber > OFFSET_MAX) {
      throw new StorageException.Corrupt(
          "a heap position with offset number %d".formatted(offsetNumber));
    }
    return (IndexTuple.block(bytes, at) & 0xFFFF_FFFFL) << OFFSET_BITS | offsetNumber;
  }

  /** Reads the heap positions of a segment, from first to last. Reusable. */
  public static final class Reader {
    private byte[] bytes = new byte[0];
    private int at;
    private int end;
    private long next;

    /** Points this reader at a segment, all of which is there. */
    public void open(byte[] segmentBytes, int segment) throws StorageException.Corrupt {
      bytes = segmentBytes;
      at = segment + HEADER_BYTES;
      end = at + u16(bytes, segment + BYTES_AT);
      next = position(bytes, segment);
    }

    /** The position to read next; greater than all there can be if none is left. */
    public long peek() {
      return next;
    }

    public boolean hasNext() {
      return next != NO_POSITION;
    }

    public long next() throws StorageException.Corrupt {
      long position = next;
      next = at < end ? position + difference() : NO_POSITION;
      return position;
    }

    private long difference() throws StorageException.Corrupt {
      long difference = 0;
      for (int i = 0; i < DIFFERENCE_BYTES_MAX && at < end; i++) {
        int part = bytes[at++];
        difference |= (part & 0x7FL) << (i * 7);
        if (part >= 0) {
          return difference;
        }
      }
      throw new StorageException.Corrupt("a difference in a posting list has no end");
    }
  }

  /** Writes heap positions as one segment. Reusable. */
  public static final class Writer {
    private byte[] bytes = new byte[0];
    private int start;
    private int at;
    private int limit;
    private long previous;

    /** Begins a segment at that offset, which may go up to the limit. */
    public void begin(byte[] to, int offset, int limitOffset) {
      bytes = to;
      start = offset;
      at = offset;
      limit = limitOffset;
      previous = -1;
    }

    /** Adds a position, which must be greater than the one before. */
    public void add(long position) throws StorageException.Corrupt {
      if (position <= previous || position > POSITION_MAX) {
        throw new StorageException.Corrupt(
            "heap position 0x%X after 0x%X in a posting list".formatted(position, previous));
      }
      if (previous < 0) {
        reserve(HEADER_BYTES);
        int block = (int) (position >>> OFFSET_BITS);
        HeapTuple.setPosition(bytes, start, block, (int) position & OFFSET_MAX);
        at += HEADER_BYTES;
      } else {
        long rest = position - previous;
        for (; rest > 0x7F; rest >>>= 7) {
          put((int) rest | 0x80);
        }
        put((int) rest);
      }
      previous = position;
    }

    private void put(int value) throws StorageException.Corrupt {
      reserve(1);
      bytes[at++] = (byte) value;
    }

    private void reserve(int count) throws StorageException.Corrupt {
      if (at + count > limit) {
        throw new StorageException.Corrupt("a posting list does not fit the page");
      }
    }

    /** Ends the segment, and says where. */
    public int end() throws StorageException.Corrupt {
      if (at > start) {
        putU16(bytes, start + BYTES_AT, at - start - HEADER_BYTES);
        if (at % 2 != start % 2) {
          put(0);
        }
      }
      return at;
    }
  }
}
