package io.coppice.postgres.page;

import static io.coppice.postgres.bytes.LittleEndian.putU16;
import static io.coppice.postgres.bytes.LittleEndian.u16;

import io.coppice.common.error.StorageException;

/**
 * An index tuple ({@code itup.h}) and what a B-tree makes of it ({@code nbtree.h}).
 *
 * <pre>
 *  0                 6            8
 *  +-----------------+------------+----------------------------
 *  | heap position   | info u16   | key | posting list
 *  +-----------------+------------+----------------------------
 *  info: size (13 bits) | the position is something else 0x2000 | ...
 * </pre>
 *
 * In a tuple with a posting list (many heap positions of one key), the position's offset number is
 * their count and a mark, and its block is where in the tuple they begin. In a pivot tuple, the
 * position's block is the page below.
 */
public final class IndexTuple {
  public static final int HEADER_BYTES = 8;
  public static final int POSITION_BYTES = 6;

  private static final int INFO_AT = 6;
  private static final int SIZE_MASK = 0x1FFF;
  private static final int ALTERNATIVE_POSITION = 0x2000;
  private static final int COUNT_MASK = 0x0FFF;
  private static final int IS_POSTING = 0x2000;

  private IndexTuple() {}

  public static int size(byte[] bytes, int tuple) {
    return u16(bytes, tuple + INFO_AT) & SIZE_MASK;
  }

  /**
   * Size of a tuple that must be there in full.
   *
   * @param end of the bytes that it must lie within
   */
  public static int size(byte[] bytes, int tuple, int end) throws StorageException.Corrupt {
    int size = tuple + HEADER_BYTES > end ? 0 : size(bytes, tuple);
    if (size < HEADER_BYTES || tuple + size > end) {
      throw new StorageException.Corrupt(
          "an index tuple of %d bytes in %d".formatted(size, end - tuple));
    }
    return size;
  }

  /**
   * What a tuple takes up on a page, all of which must be there.
   *
   * @param end of the bytes that it must lie within
   */
  public static int alignedSize(byte[] bytes, int tuple, int end) throws StorageException.Corrupt {
    int size = Page.aligned(size(bytes, tuple, end));
    if (tuple + size > end) {
      throw new StorageException.Corrupt(
          "an index tuple of %d bytes in %d".formatted(size, end - tuple));
    }
    return size;
  }

  public static boolean isPosting(byte[] bytes, int tuple) {
    return (u16(bytes, tuple + INFO_AT) & ALTERNATIVE_POSITION) != 0
        && (u16(bytes, tuple + 4) & IS_POSTING) != 0;
  }

  /** How many heap positions the tuple has: those of its posting list, or its one. */
  public static int positions(byte[] bytes, int tuple) {
    return isPosting(bytes, tuple) ? u16(bytes, tuple + 4) & COUNT_MASK : 1;
  }

  /** Where the heap positions begin, from the start of the tuple. */
  public static int positionsAt(byte[] bytes, int tuple) {
    return isPosting(bytes, tuple) ? block(bytes, tuple) : 0;
  }

  /** Size of the part before the posting list; of the whole tuple if it has none. */
  public static int keySize(byte[] bytes, int tuple) {
    return isPosting(bytes, tuple) ? block(bytes, tuple) : size(bytes, tuple);
  }

  /** The block of the tuple's position; of a pivot tuple, the page below. */
  public static int block(byte[] bytes, int tuple) {
    return u16(bytes, tuple) << 16 | u16(bytes, tuple + 2);
  }

  public static void setBlock(byte[] bytes, int tuple, int block) {
    putU16(bytes, tuple, block >>> 16);
    putU16(bytes, tuple + 2, block);
  }

  /** {@code GinSetDownlink}: makes an inner tuple of a GIN index lead to that page. */
  public static void setDownlink(byte[] bytes, int tuple, int block) {
    setBlock(bytes, tuple, block);
    putU16(bytes, tuple + 4, 0);
  }

  /** {@code BTreeTupleSetDownLink} of a pivot tuple that keeps no key. */
  public static void writeTopParent(byte[] bytes, int tuple, int block) {
    setDownlink(bytes, tuple, block);
    putU16(bytes, tuple + INFO_AT, HEADER_BYTES | ALTERNATIVE_POSITION);
  }

  /** Size of a tuple with that key and so many heap positions. */
  public static int sizeOf(int keySize, int positions) {
    return positions > 1 ? Page.aligned(keySize + positions * POSITION_BYTES) : keySize;
  }

  /**
   * Makes the header of a tuple, copied from one with the same key, fit so many heap positions, and
   * says where they go. With one position left it is a plain tuple.
   */
  public static int setPositions(byte[] bytes, int tuple, int keySize, int positions) {
    int info = u16(bytes, tuple + INFO_AT) & ~SIZE_MASK;
    int size = sizeOf(keySize, positions);
    if (positions > 1) {
      putU16(bytes, tuple + INFO_AT, info | ALTERNATIVE_POSITION | size);
      putU16(bytes, tuple + 4, positions | IS_POSTING);
      setBlock(bytes, tuple, keySize);
      return tuple + keySize;
    }
    putU16(bytes, tuple + INFO_AT, (info & ~ALTERNATIVE_POSITION) | size);
    return tuple;
  }
}
