package io.coppice.postgres.wal;

import io.coppice.common.id.Lsn;
import io.coppice.postgres.control.CheckPoint;
import io.coppice.postgres.version.PostgresVersion;
import java.util.ArrayList;
import java.util.List;

/**
 * A shutdown checkpoint that no server wrote, and the log files around it: what a stock Postgres
 * needs to start at a position of our choice. It goes with a pg_control that says "shut down" and
 * names {@link #start} and {@link #checkPoint}.
 *
 * <pre>
 *   | long header | zeros ...            | short header | never replayed | checkpoint | zeros ...
 *   segment start                        page of start                   start
 * </pre>
 *
 * The header of the page that holds the start claims that a record which began earlier goes on up
 * to there, so that tools which read the page find the first record.
 *
 * @param start where the record begins: the position asked for, moved behind a page header
 * @param end where the server writes its next record
 * @param checkPoint the record's body, whose redo position is the start
 * @param files one segment, or two if the record crosses into the next
 */
public record ShutdownCheckpoint(Lsn start, Lsn end, CheckPoint checkPoint, List<WalFile> files) {

  /** A whole segment file of the log. */
  @SuppressWarnings("ArrayRecordComponent") // 16 MiB that nobody compares
  public record WalFile(WalSegmentName segment, String fileName, byte[] bytes) {}

  private static final int CHECKPOINT_SHUTDOWN = 0x00;

  public ShutdownCheckpoint {
    files = List.copyOf(files);
  }

  /**
   * Makes the record and its files.
   *
   * @param lsn where the record is to begin; any position
   * @param previous where the record before it begins
   * @param template all but the redo position, which becomes the record's start; not changed
   */
  public static ShutdownCheckpoint at(
      PostgresVersion version,
      int segmentSizeBytes,
      long systemId,
      Lsn lsn,
      Lsn previous,
      CheckPoint template) {
    Lsn start = WalLayout.recordStart(lsn, segmentSizeBytes);
    Lsn from = streamStart(start, segmentSizeBytes);
    CheckPoint checkPoint = template.copy().setRedo(start);
    int timeline = checkPoint.timeline();
    WalStreamWriter writer =
        new WalStreamWriter(version, segmentSizeBytes, systemId, timeline, from, previous);
    Lsn end =
        writer.append(
            WalLayout.RESOURCE_MANAGER_XLOG, CHECKPOINT_SHUTDOWN, 0, body(version, checkPoint));
    byte[] stream = writer.takeBytes();

    WalSegmentName segment = WalSegmentName.of(timeline, from, segmentSizeBytes);
    int offset = (int) from.minus(segment.start(segmentSizeBytes));
    byte[] first = new byte[segmentSizeBytes];
    putHeadersBefore(first, version, systemId, timeline, segment, offset);
    int inFirst = Math.min(stream.length, segmentSizeBytes - offset);
    System.arraycopy(stream, 0, first, offset, inFirst);
    List<WalFile> files = new ArrayList<>();
    files.add(new WalFile(segment, segment.fileName(segmentSizeBytes), first));
    if (inFirst < stream.length) {
      byte[] second = new byte[segmentSizeBytes];
      System.arraycopy(stream, inFirst, second, 0, stream.length - inFirst);
      files.add(new WalFile(segment.next(), segment.next().fileName(segmentSizeBytes), second));
    }
    return new ShutdownCheckpoint(start, end, checkPoint, files);
  }

  /** The start of the page, whose header is then written too, if the record comes right behind. */
  private static Lsn streamStart(Lsn start, int segmentSizeBytes) {
    Lsn page = start.plus(-WalLayout.pageOffset(start.value()));
    return start.minus(page) == WalLayout.pageHeaderBytes(page, segmentSizeBytes) ? page : start;
  }

  private static byte[] body(PostgresVersion version, CheckPoint checkPoint) {
    int size = CheckPoint.sizeBytes(version);
    byte[] body = new byte[2 + size];
    body[0] = (byte) WalLayout.ID_DATA_SHORT;
    body[1] = (byte) size;
    checkPoint.write(version, body, 2);
    return body;
  }

  /**
   * Puts the headers of the segment, and of the page, that the stream from {@code offset} lacks.
   */
  private static void putHeadersBefore(
      byte[] file,
      PostgresVersion version,
      long systemId,
      int timeline,
      WalSegmentName segment,
      int offset) {
    int inPage = WalLayout.pageOffset(offset);
    int page = offset - inPage;
    if (page > 0) {
      putHeader(file, version, systemId, timeline, segment, 0, 0);
    }
    if (inPage > 0) {
      putHeader(file, version, systemId, timeline, segment, page, inPage);
    }
  }

  private static void putHeader(
      byte[] file,
      PostgresVersion version,
      long systemId,
      int timeline,
      WalSegmentName segment,
      int page,
      int firstRecordAt) {
    long address = segment.start(file.length).value() + page;
    int remaining = Math.max(0, firstRecordAt - WalLayout.pageHeaderBytes(address, file.length));
    byte[] header =
        WalStreamWriter.pageHeader(
            version,
            file.length,
            systemId,
            timeline,
            address,
            remaining > 0 ? WalLayout.FIRST_IS_CONTINUATION : 0,
            remaining);
    System.arraycopy(header, 0, file, page, header.length);
  }
}
