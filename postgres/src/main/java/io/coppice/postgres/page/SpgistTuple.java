package io.coppice.postgres.page;

import static io.coppice.postgres.bytes.LittleEndian.i32;
import static io.coppice.postgres.bytes.LittleEndian.putI32;
import static io.coppice.postgres.bytes.LittleEndian.putU16;
import static io.coppice.postgres.bytes.LittleEndian.u16;

import io.coppice.common.error.StorageException;

/**
 * The tuples of an SP-GiST index ({@code spgist_private.h}).
 *
 * <pre>
 *        0                        4                   6               12
 *  leaf  | state 2 bits, size 30  | next offset (14   | heap position | value
 *  dead  |                        | bits), flags      | where it went | xid u32 | 16
 *
 *        0                                                      4          8
 *  inner | state 2 bits, same 1, nodes 13, size of prefix 16    | size u16 | prefix | nodes
 * </pre>
 *
 * A node is an {@link IndexTuple} whose position is the tuple below.
 */
public final class SpgistTuple {
  public static final int DEAD_BYTES = 16;
  public static final int INNER_HEADER_BYTES = 8;

  public static final int REDIRECT = 1;
  public static final int DEAD = 2;
  public static final int PLACEHOLDER = 3;

  private static final int NEXT_AT = 4;
  private static final int NEXT_MASK = 0x3FFF;
  private static final int POSITION_AT = 6;
  private static final int XID_AT = 12;
  private static final int STATE_MASK = 3;
  private static final int NODES_MASK = 0x1FFF;
  private static final int NO_BLOCK = -1;

  private SpgistTuple() {}

  public static int state(byte[] bytes, int tuple) {
    return i32(bytes, tuple) & STATE_MASK;
  }

  /** Size of a leaf tuple, which must be whole before {@code end}. */
  public static int leafSize(byte[] bytes, int tuple, int end) throws StorageException.Corrupt {
    int size = tuple + DEAD_BYTES > end ? 0 : i32(bytes, tuple) >>> 2;
    return checkSize(size, DEAD_BYTES, end - tuple);
  }

  /** Size of an inner tuple, which must be whole before {@code end}. */
  public static int innerSize(byte[] bytes, int tuple, int end) throws StorageException.Corrupt {
    int size = tuple + INNER_HEADER_BYTES > end ? 0 : u16(bytes, tuple + 4);
    return checkSize(size, INNER_HEADER_BYTES, end - tuple);
  }

  private static int checkSize(int size, int sizeMin, int sizeMax) throws StorageException.Corrupt {
    if (size < sizeMin || size > sizeMax) {
      throw new StorageException.Corrupt(
          "an SP-GiST tuple of %d bytes where %d to %d fit".formatted(size, sizeMin, sizeMax));
    }
    return size;
  }

  /** Sets which leaf tuple of the page is next in the chain. */
  public static void setNext(byte[] bytes, int tuple, int offsetNumber) {
    int info = u16(bytes, tuple + NEXT_AT);
    putU16(bytes, tuple + NEXT_AT, (info & ~NEXT_MASK) | (offsetNumber & NEXT_MASK));
  }

  /** {@code spgFormDeadTuple}: only a redirection says where to, and since which transaction. */
  public static void writeDead(
      byte[] bytes, int tuple, int state, int block, int offsetNumber, int xid) {
    putI32(bytes, tuple, DEAD_BYTES << 2 | state);
    putU16(bytes, tuple + NEXT_AT, 0);
    boolean leadsOn = state == REDIRECT;
    HeapTuple.setPosition(
        bytes, tuple + POSITION_AT, leadsOn ? block : NO_BLOCK, leadsOn ? offsetNumber : 0);
    putI32(bytes, tuple + XID_AT, leadsOn ? xid : 0);
  }

  /** A redirection that no scan needs any more; its transaction stays. */
  public static void makePlaceholder(byte[] bytes, int tuple) {
    putI32(bytes, tuple, i32(bytes, tuple) | PLACEHOLDER);
    HeapTuple.setPosition(bytes, tuple + POSITION_AT, NO_BLOCK, 0);
  }

  /**
   * {@code spgUpdateNodeLink}: where in an inner tuple a node begins.
   *
   * @param length of the tuple as its line pointer has it
   */
  public static int node(byte[] bytes, int tuple, int length, int node)
      throws StorageException.Corrupt {
    int header = i32(bytes, tuple);
    int nodes = (header >>> 3) & NODES_MASK;
    int at = tuple + INNER_HEADER_BYTES + (header >>> 16);
    int end = tuple + length;
    for (int i = 0; i < node && i < nodes; i++) {
      at += IndexTuple.alignedSize(bytes, at, end);
    }
    if (node >= nodes) {
      throw new StorageException.Corrupt(
          "an inner tuple of %d nodes has no node %d".formatted(nodes, node));
    }
    IndexTuple.alignedSize(bytes, at, end);
    return at;
  }
}
