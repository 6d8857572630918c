package io.coppice.postgres.redo;

import static io.coppice.postgres.bytes.LittleEndian.u16;
import static io.coppice.postgres.bytes.LittleEndian.u8;

import io.coppice.common.error.StorageException;
import io.coppice.postgres.page.GinPage;
import io.coppice.postgres.page.GinSegment;
import io.coppice.postgres.page.IndexTuple;
import io.coppice.postgres.page.Page;

/**
 * Changes the segments of a leaf of a posting tree as a record lists it ({@code ginRedoRecompress},
 * {@code ginxlog.h}). Holds the memory it works in: one for each thread.
 */
final class GinDataLeaf {
  private static final int DELETE = 1;
  private static final int INSERT = 2;
  private static final int REPLACE = 3;
  private static final int ADD_ITEMS = 4;

  /** The page as it was, while its segments are written anew. */
  private final byte[] old = new byte[Page.SIZE_BYTES];

  private final GinSegment.Reader reader = new GinSegment.Reader();
  private final GinSegment.Writer writer = new GinSegment.Writer();

  /** The next segment of the old page, its number, and where the last one ends. */
  private int segment;

  private int number;
  private int end;

  /** Where on the page the next segment goes. */
  private int to;

  /** The next byte of the record's list. */
  private int at;

  /**
   * Block data: number of actions u16, then each: number of the segment it is about u8, action u8,
   * and, to insert or replace, the segment; to add items, their number u16 and heap positions.
   * Numbers ascend, and are those that the segments had.
   */
  void recompress(byte[] page, StoredRecord record) throws StorageException.Corrupt {
    GinPage.checkFlags(page, GinPage.DATA | GinPage.LEAF, GinPage.DATA | GinPage.LEAF);
    if ((GinPage.flags(page) & GinPage.COMPRESSED) == 0) {
      compress(page);
    }
    end = Page.lower(page);
    if (end < GinPage.DATA_AT || end > GinPage.DATA_END) {
      throw new StorageException.Corrupt("segments of a posting tree up to %d".formatted(end));
    }
    System.arraycopy(page, 0, old, 0, Page.SIZE_BYTES);
    segment = GinPage.DATA_AT;
    number = 0;
    to = GinPage.DATA_AT;
    int actions = u16(record.bytes(), record.data(2));
    at = record.data(2) + 2;
    for (int i = 0; i < actions; i++) {
      act(page, record.bytes(), record.dataEnd());
    }
    if (at != record.dataEnd()) {
      throw new StorageException.Corrupt(
          "%d bytes after %d actions".formatted(record.dataEnd() - at, actions));
    }
    put(page, old, segment, end - segment);
    GinPage.setDataEnd(page, to);
  }

  private void act(byte[] page, byte[] bytes, int bytesEnd) throws StorageException.Corrupt {
    int action = take(2, bytesEnd);
    keepUpTo(page, u8(bytes, action));
    switch (u8(bytes, action + 1)) {
      case DELETE -> skip();
      case INSERT -> insert(page, bytes, bytesEnd);
      case REPLACE -> {
        skip();
        insert(page, bytes, bytesEnd);
      }
      case ADD_ITEMS -> {
        int count = u16(bytes, take(2, bytesEnd));
        addItems(page, bytes, take(count * IndexTuple.POSITION_BYTES, bytesEnd), count);
      }
      default ->
          throw new StorageException.Corrupt(
              "no action %d on a segment".formatted(u8(bytes, action + 1)));
    }
  }

  private int take(int count, int bytesEnd) throws StorageException.Corrupt {
    if (at + count > bytesEnd) {
      throw new StorageException.Corrupt("a list of actions is cut off");
    }
    int taken = at;
    at += count;
    return taken;
  }

  private void keepUpTo(byte[] page, int target) throws StorageException.Corrupt {
    if (target < number) {
      throw new StorageException.Corrupt("segment %d after %d".formatted(target, number));
    }
    while (number < target) {
      int from = segment;
      skip();
      put(page, old, from, segment - from);
    }
  }

  /** Passes over a segment of the old page. */
  private void skip() throws StorageException.Corrupt {
    segment += GinSegment.size(old, segment, end);
    number++;
  }

  private void insert(byte[] page, byte[] bytes, int bytesEnd) throws StorageException.Corrupt {
    int size = GinSegment.size(bytes, at, bytesEnd);
    put(page, bytes, take(size, bytesEnd), size);
  }

  private void addItems(byte[] page, byte[] bytes, int items, int count)
      throws StorageException.Corrupt {
    int from = segment;
    skip();
    reader.open(old, from);
    writer.begin(page, to, GinPage.DATA_END);
    for (int i = 0; i < count; i++) {
      long item = GinSegment.position(bytes, items + i * IndexTuple.POSITION_BYTES);
      while (reader.peek() < item) {
        writer.add(reader.next());
      }
      writer.add(item);
    }
    while (reader.hasNext()) {
      writer.add(reader.next());
    }
    to = writer.end();
  }

  private void put(byte[] page, byte[] from, int offset, int length)
      throws StorageException.Corrupt {
    if (to + length > GinPage.DATA_END) {
      throw new StorageException.Corrupt(
          "a segment of %d bytes does not fit the page".formatted(length));
    }
    System.arraycopy(from, offset, page, to, length);
    to += length;
  }

  /** Makes the heap positions of a leaf from before 9.4 one segment. */
  private void compress(byte[] page) throws StorageException.Corrupt {
    System.arraycopy(page, 0, old, 0, Page.SIZE_BYTES);
    int count = GinPage.count(page);
    if (GinPage.DATA_AT + count * IndexTuple.POSITION_BYTES > GinPage.DATA_END) {
      throw new StorageException.Corrupt("%d heap positions on a page".formatted(count));
    }
    writer.begin(page, GinPage.DATA_AT, GinPage.DATA_END);
    for (int i = 0; i < count; i++) {
      writer.add(GinSegment.position(old, GinPage.DATA_AT + i * IndexTuple.POSITION_BYTES));
    }
    GinPage.setDataEnd(page, writer.end());
    GinPage.setFlags(page, GinPage.flags(page) | GinPage.COMPRESSED);
    GinPage.setCount(page, 0);
  }
}
