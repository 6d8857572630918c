package io.coppice.postgres.files;

import static io.coppice.postgres.bytes.LittleEndian.i32;
import static io.coppice.postgres.bytes.LittleEndian.i64;
import static io.coppice.postgres.bytes.LittleEndian.u16;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.postgres.version.PostgresVersion;
import io.coppice.postgres.wal.WalDecoder;
import io.coppice.postgres.wal.WalLayout;
import io.coppice.postgres.wal.WalSegmentName;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Stream;

/**
 * The segments of the log in a directory. The first page of a segment says which major wrote it,
 * how large segments are and of which cluster it is. Where a segment is there of several of
 * Postgres's timelines, the newest counts, as it does for a server that recovers. A segment that
 * {@code pg_receivewal} has not finished, {@code *.partial}, counts if there is no other.
 */
public final class WalFiles {
  private static final String PARTIAL_SUFFIX = ".partial";

  private final Path directory;
  private final Header header;
  private final NavigableMap<Long, Path> segments;

  private record Header(PostgresVersion version, long systemId, int segmentSizeBytes) {}

  private WalFiles(Path directory, Header header, NavigableMap<Long, Path> segments) {
    this.directory = directory;
    this.header = header;
    this.segments = segments;
  }

  /**
   * Lists a directory.
   *
   * @throws StorageException.Precondition if there is no segment in it
   * @throws StorageException.Unsupported if an unknown major wrote them
   */
  public static WalFiles open(Path directory) throws StorageException {
    NavigableMap<String, Path> files = new TreeMap<>();
    try (Stream<Path> entries = Files.list(directory)) {
      for (Path file : (Iterable<Path>) entries::iterator) {
        String name = String.valueOf(file.getFileName());
        if (isSegment(name)) {
          files.put(name, file);
        } else if (name.endsWith(PARTIAL_SUFFIX)
            && isSegment(name.substring(0, name.length() - PARTIAL_SUFFIX.length()))) {
          files.putIfAbsent(name.substring(0, name.length() - PARTIAL_SUFFIX.length()), file);
        }
      }
    } catch (IOException e) {
      throw new StorageException.Precondition(
          "cannot list the WAL segments in %s: %s".formatted(directory, e));
    }
    Header header = findHeader(directory, files);
    NavigableMap<Long, Path> segments = new TreeMap<>();
    // In order of names, so that the newest timeline comes last and stays.
    files.forEach((name, file) ->
        WalSegmentName.parse(name, header.segmentSizeBytes())
            .ifPresent(segment -> segments.put(segment.segment(), file)));
    return new WalFiles(directory, header, segments);
  }

  private static boolean isSegment(String name) {
    return WalSegmentName.parse(name, WalLayout.SEGMENT_SIZE_BYTES_MIN).isPresent();
  }

  /** Of the first segment that was written to: those made ahead of need are empty. */
  private static Header findHeader(Path directory, NavigableMap<String, Path> files)
      throws StorageException {
    for (Path file : files.values()) {
      byte[] page = new byte[WalLayout.LONG_PAGE_HEADER_BYTES];
      try (var in = Files.newInputStream(file)) {
        if (in.readNBytes(page, 0, page.length) < page.length || u16(page, 0) == 0) {
          continue;
        }
      } catch (IOException e) {
        throw new StorageException.Transient("cannot read %s: %s".formatted(file, e), e);
      }
      int segmentSizeBytes = i32(page, WalLayout.PAGE_SEGMENT_SIZE);
      if (!WalLayout.isSegmentSize(segmentSizeBytes)) {
        throw new StorageException.Corrupt(
            "%s says that WAL segments have %d bytes".formatted(file, segmentSizeBytes));
      }
      PostgresVersion version = PostgresVersion.ofWalPageMagic(u16(page, 0));
      return new Header(version, i64(page, WalLayout.PAGE_SYSTEM_ID), segmentSizeBytes);
    }
    throw new StorageException.Precondition("no WAL segment in " + directory);
  }

  public PostgresVersion version() {
    return header.version();
  }

  /** The cluster's identifier, an unsigned number. */
  public long systemId() {
    return header.systemId();
  }

  public int segmentSizeBytes() {
    return header.segmentSizeBytes();
  }

  /** Where the first segment begins. */
  public Lsn start() {
    return startOf(segments.firstKey());
  }

  private Lsn startOf(long segment) {
    return new Lsn(segment * header.segmentSizeBytes());
  }

  /** The records from a position on, at which one must begin. */
  public WalFileReader readFrom(Lsn start) throws StorageException.Precondition {
    checkIsHere(start);
    try {
      return new WalFileReader(
          this, start, WalDecoder.ofFiles(version(), segmentSizeBytes(), start));
    } catch (IllegalArgumentException e) {
      throw new StorageException.Precondition(String.valueOf(e.getMessage()));
    }
  }

  /** The records that begin at or after a position, which may be anywhere. */
  public WalFileReader readFromPageOf(Lsn position) throws StorageException.Precondition {
    checkIsHere(position);
    Lsn page = position.plus(-(position.value() % PostgresVersion.WAL_PAGE_SIZE_BYTES));
    return new WalFileReader(
        this, page, WalDecoder.ofFilesFromPage(version(), segmentSizeBytes(), page));
  }

  private void checkIsHere(Lsn position) throws StorageException.Precondition {
    if (segment(position).isEmpty()) {
      Lsn end = startOf(segments.lastKey() + 1);
      throw new StorageException.Precondition(
          "%s has WAL from %s to %s; %s is not among it"
              .formatted(directory, start(), end, position));
    }
  }

  /** The file that holds a position. */
  Optional<Path> segment(Lsn position) {
    long number = Long.divideUnsigned(position.value(), header.segmentSizeBytes());
    return Optional.ofNullable(segments.get(number));
  }

  /** Whether there is WAL, and not only room for it, behind a segment that is missing. */
  boolean hasWalAfter(Lsn missing) throws StorageException {
    long number = Long.divideUnsigned(missing.value(), header.segmentSizeBytes());
    for (var later : segments.tailMap(number, false).entrySet()) {
      byte[] page = new byte[WalLayout.SHORT_PAGE_HEADER_BYTES];
      try (var in = Files.newInputStream(later.getValue())) {
        int length = in.readNBytes(page, 0, page.length);
        if (length == page.length
            && i64(page, WalLayout.PAGE_ADDRESS) == startOf(later.getKey()).value()) {
          return true;
        }
      } catch (IOException e) {
        throw new StorageException.Transient(
            "cannot read %s: %s".formatted(later.getValue(), e), e);
      }
    }
    return false;
  }

  @Override
  public String toString() {
    return "WAL in " + directory;
  }
}
