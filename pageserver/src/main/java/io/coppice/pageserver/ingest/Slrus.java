package io.coppice.pageserver.ingest;

import io.coppice.common.error.StorageException;
import io.coppice.common.key.Key;
import io.coppice.pageserver.query.TimelineReader;
import io.coppice.pageserver.timeline.TimelineKeys;
import io.coppice.postgres.record.TransactionIds;
import io.coppice.postgres.redo.PageRedo;
import io.coppice.postgres.redo.SlruPages;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Segments of SLRUs as WAL leaves them: which exist, and how many pages they have. Pages are
 * numbered through all segments of a kind.
 */
final class Slrus {
  private static final int PAGES_PER_SEGMENT = TimelineReader.SLRU_PAGES_PER_SEGMENT;
  private static final int SEGMENTS_REMEMBERED_MAX = 1_024;
  private static final byte[] PRESENT = {1};

  /** {@code FirstMultiXactId}. */
  private static final int FIRST_MULTI = 1;

  private record Segment(int kind, int number) {}

  private final ValueSink sink;
  private final PageRedo redo;
  private final Map<Segment, Integer> pages = new HashMap<>();

  Slrus(ValueSink sink, PageRedo redo) {
    this.sink = sink;
    this.redo = redo;
  }

  private int pages(Segment segment) throws StorageException {
    Integer remembered = pages.get(segment);
    if (remembered != null) {
      return remembered;
    }
    Optional<byte[]> stored =
        sink.latest(TimelineKeys.slruSegmentSize(segment.kind, segment.number));
    int count = stored.isEmpty() ? 0 : TimelineReader.decodeSlruSegmentPages(stored.get());
    remember(segment, count);
    return count;
  }

  private void remember(Segment segment, int count) {
    if (pages.size() == SEGMENTS_REMEMBERED_MAX) {
      pages.clear();
    }
    pages.put(segment, count);
  }

  private static Segment segmentOf(int kind, int page) {
    return new Segment(kind, page / PAGES_PER_SEGMENT);
  }

  boolean exists(int kind, int page) throws StorageException {
    return page % PAGES_PER_SEGMENT < pages(segmentOf(kind, page));
  }

  /** Begins a page anew. */
  void zeroPage(int kind, int page) throws StorageException {
    if (page < 0) {
      throw new StorageException.Corrupt(
          "WAL before %s makes page %d of SLRU %d".formatted(sink.lsn(), page, kind));
    }
    grow(segmentOf(kind, page), page % PAGES_PER_SEGMENT);
    sink.putZeroPage(key(kind, page));
  }

  private static Key key(int kind, int page) {
    return TimelineKeys.slruBlock(kind, page / PAGES_PER_SEGMENT, page % PAGES_PER_SEGMENT);
  }

  /** Makes room for a page, with pages of zeros before it; that page itself is not put. */
  private void grow(Segment segment, int block) throws StorageException {
    int count = pages(segment);
    if (block < count) {
      return;
    }
    for (int gap = count; gap < block; gap++) {
      sink.putZeroPage(TimelineKeys.slruBlock(segment.kind, segment.number, gap));
    }
    if (count == 0) {
      sink.putImage(TimelineKeys.slruSegment(segment.kind, segment.number), PRESENT);
    }
    sink.putImage(
        TimelineKeys.slruSegmentSize(segment.kind, segment.number),
        TimelineReader.encodeSlruSegmentPages(block + 1));
    remember(segment, block + 1);
  }

  /**
   * Puts the change in the sink's buffer. A page that is not there counts as zeros, as in
   * Postgres's recovery; the change then becomes a whole page, because one key has one value at one
   * LSN.
   */
  void putChange(int kind, int page) throws StorageException {
    Key key = key(kind, page);
    if (exists(kind, page)) {
      sink.put(key);
      return;
    }
    byte[] image = new byte[TimelineReader.PAGE_SIZE_BYTES];
    redo.apply(image, sink.lsn(), key, sink.scratch().bytes(), 0, sink.scratch().length());
    grow(segmentOf(kind, page), page % PAGES_PER_SEGMENT);
    sink.putImage(key, image);
  }

  void deleteSegment(int kind, int number) throws StorageException {
    Segment segment = new Segment(kind, number);
    if (pages(segment) > 0) {
      sink.delete(TimelineKeys.slruSegment(kind, number));
      sink.delete(TimelineKeys.slruSegmentSize(kind, number));
      remember(segment, 0);
    }
  }

  /** Deletes the segments of transaction statuses that lie wholly before a page. */
  void truncateTransactionStatus(int cutoffPage, int latestPage) throws StorageException {
    truncate(
        TimelineKeys.SLRU_TRANSACTION_STATUS, cutoffPage, latestPage, Slrus::statusPagePrecedes);
  }

  /** Deletes the segments of multixact offsets that lie wholly before a page. */
  void truncateMultixactOffsets(int cutoffPage, int latestPage) throws StorageException {
    truncate(
        TimelineKeys.SLRU_MULTIXACT_OFFSETS, cutoffPage, latestPage, Slrus::offsetPagePrecedes);
  }

  @FunctionalInterface
  private interface PageOrder {
    boolean precedes(int page, int other);
  }

  private void truncate(int kind, int cutoffPage, int latestPage, PageOrder order)
      throws StorageException {
    if (order.precedes(latestPage, cutoffPage)) {
      return; // As Postgres does: an apparent wraparound deletes nothing.
    }
    List<Integer> doomed = new ArrayList<>();
    sink.scan(
        TimelineKeys.slruSegments(kind),
        (key, value) -> {
          int first = TimelineKeys.listedSegment(key) * PAGES_PER_SEGMENT;
          if (order.precedes(first, cutoffPage)
              && order.precedes(first + PAGES_PER_SEGMENT - 1, cutoffPage)) {
            doomed.add(TimelineKeys.listedSegment(key));
          }
          return true;
        });
    for (int segment : doomed) {
      deleteSegment(kind, segment);
    }
  }

  /** {@code CLOGPagePrecedes}. */
  private static boolean statusPagePrecedes(int page, int other) {
    int first = page * SlruPages.XACTS_PER_PAGE + TransactionIds.FIRST_NORMAL + 1;
    int otherFirst = other * SlruPages.XACTS_PER_PAGE + TransactionIds.FIRST_NORMAL + 1;
    return TransactionIds.precedes(first, otherFirst)
        && TransactionIds.precedes(first, otherFirst + SlruPages.XACTS_PER_PAGE - 1);
  }

  /** {@code MultiXactOffsetPagePrecedes}. */
  private static boolean offsetPagePrecedes(int page, int other) {
    int first = page * SlruPages.OFFSETS_PER_PAGE + FIRST_MULTI + 1;
    int otherFirst = other * SlruPages.OFFSETS_PER_PAGE + FIRST_MULTI + 1;
    return TransactionIds.multiPrecedes(first, otherFirst)
        && TransactionIds.multiPrecedes(first, otherFirst + SlruPages.OFFSETS_PER_PAGE - 1);
  }
}
