package io.coppice.it;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Fork;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.RelationTag;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.compute.storage.PageserverClient;
import io.coppice.postgres.page.PageKind;
import io.coppice.postgres.page.PageMasks;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * Compares all that a page server says about an LSN with the data directory of a Postgres that was
 * stopped there.
 *
 * <p>Some things may differ, as they do on a stock standby:
 *
 * <ul>
 *   <li>Empty pages at the end of a file: it is extended ahead of need, and that is not logged.
 *   <li>Free-space maps are not logged: of those is checked that they claim nothing past the end.
 *   <li>A sequence is logged as it will be some values later, so that not each value is logged
 *       ({@code sequence.c}): the page served must be exactly so many values ahead.
 *   <li>CREATE DATABASE with strategy WAL_LOG logs visibility maps and the range maps of BRIN
 *       indexes as if what is on them were unused space ({@code RelationCopyStorageUsingBuffer}):
 *       there bits and entries may be missing, which is always safe, but none may be there that is
 *       not on disk.
 * </ul>
 */
final class PageEquality {
  private static final int PAGES_PER_CALL = 32;
  private static final int DIFFERENCES_MAX = 30;
  private static final int SLRU_CLOG = 0;
  private static final int PAGE_HEADER_BYTES = 24;
  private static final int FIRST_LINE_POINTER = PAGE_HEADER_BYTES;

  /** {@code t_hoff}. */
  private static final int HEADER_SIZE_IN_TUPLE = 22;

  private static final int SEQUENCE_VALUES_BYTES = 17;
  private static final Map<Integer, String> SLRU_DIRECTORIES =
      Map.of(SLRU_CLOG, "pg_xact", 1, "pg_multixact/members", 2, "pg_multixact/offsets");

  private final PageserverClient client;
  private final TenantTimelineId timeline;
  private final Lsn lsn;
  private final Path dataDirectory;
  private final RelationKinds kinds;
  private final Set<Integer> databasesCopiedByWal;

  private final List<String> differences = new ArrayList<>();
  private final Map<String, Integer> counts = new TreeMap<>();

  PageEquality(
      PageserverClient client,
      TenantTimelineId timeline,
      Lsn lsn,
      Path dataDirectory,
      RelationKinds kinds,
      Set<Integer> databasesCopiedByWal) {
    this.databasesCopiedByWal = Set.copyOf(databasesCopiedByWal);
    this.client = client;
    this.timeline = timeline;
    this.lsn = lsn;
    this.dataDirectory = dataDirectory;
    this.kinds = kinds;
  }

  /** What is not equal, at most some of it; empty if all is. */
  List<String> differences() {
    return differences;
  }

  /** How much was compared, by kind. */
  Map<String, Integer> counts() {
    return counts;
  }

  /**
   * Compares everything.
   *
   * @param backup the unpacked base backup at the same LSN: what no other call serves is read there
   */
  void run(Path backup) throws IOException {
    List<RelationFiles.ForkFile> files = RelationFiles.list(dataDirectory);
    Set<String> unlogged = new HashSet<>();
    for (RelationFiles.ForkFile file : files) {
      if (file.fork() == Fork.INIT) {
        unlogged.add(file.mainPath());
      }
    }
    for (RelationFiles.ForkFile file : files) {
      if (file.fork() != Fork.INIT && unlogged.contains(file.mainPath())) {
        count("unlogged forks left out", 1);
      } else if (file.fork() == Fork.FSM) {
        compareFreeSpaceMap(file);
      } else {
        compareFork(file);
      }
    }
    for (Map.Entry<Integer, String> slru : new TreeMap<>(SLRU_DIRECTORIES).entrySet()) {
      compareSlru(slru.getKey(), slru.getValue());
    }
    compareBackup(backup, files, unlogged);
  }

  private void count(String what, int more) {
    counts.merge(what, more, Integer::sum);
  }

  private void differ(String format, Object... arguments) {
    count("differences", 1);
    if (differences.size() < DIFFERENCES_MAX) {
      differences.add(format.formatted(arguments));
    }
  }

  private void compareFork(RelationFiles.ForkFile file) throws IOException {
    byte[] disk = file.read(dataDirectory);
    String name = kinds.name(file);
    count(file.fork().suffix() + " forks", 1);
    try {
      int served = served(file.tag(), name);
      if (served > file.blocks()) {
        differ("%s: %d blocks served, %d on disk", name, served, file.blocks());
      }
      int both = Math.min(served, file.blocks());
      for (int block = both; block < file.blocks(); block++) {
        if (isEmpty(file.fork(), disk, block)) {
          count("empty pages past the logged end", 1);
        } else {
          differ("%s block %d: on disk, not served (%d blocks are)", name, block, served);
        }
      }
      for (int first = 0; first < both; first += PAGES_PER_CALL) {
        comparePages(file, disk, first, Math.min(both, first + PAGES_PER_CALL));
      }
    } catch (StorageException e) {
      differ("%s: %s", name, e);
    }
  }

  private int served(RelationTag tag, String name) throws StorageException {
    OptionalInt size = client.getRelSize(timeline, tag, lsn);
    if (size.isEmpty()) {
      differ("%s: the page server does not know this fork", name);
    }
    return size.orElse(0);
  }

  private void comparePages(RelationFiles.ForkFile file, byte[] disk, int first, int end)
      throws StorageException {
    List<byte[]> served =
        client.getPages(timeline, file.tag(), IntStream.range(first, end).boxed().toList(), lsn);
    for (int block = first; block < end; block++) {
      int offset = block * RelationFiles.PAGE_SIZE_BYTES;
      byte[] expected = Arrays.copyOfRange(disk, offset, offset + RelationFiles.PAGE_SIZE_BYTES);
      byte[] actual = served.get(block - first);
      PageKind kind = kinds.of(file).orElseGet(() -> guess(expected));
      count(kind.name().toLowerCase(java.util.Locale.ROOT) + " pages", 1);
      if (Arrays.equals(expected, actual)) {
        count("pages equal even before masks", 1);
      } else {
        compareMasked(file, kind, block, expected, actual);
      }
    }
  }

  /** Of a relation made by a prepared transaction, which no catalog shows: by its special space. */
  private PageKind guess(byte[] page) {
    count("pages of files that no catalog knows", 1);
    int special = (page[16] & 0xFF) | (page[17] & 0xFF) << 8;
    return switch (RelationFiles.PAGE_SIZE_BYTES - special) {
      case 16 -> PageKind.BTREE;
      case 8 -> PageKind.SEQUENCE;
      default -> PageKind.HEAP;
    };
  }

  private void compareMasked(
      RelationFiles.ForkFile file, PageKind kind, int block, byte[] expected, byte[] actual) {
    String name = kinds.name(file);
    byte[] maskedExpected = expected.clone();
    byte[] maskedActual = actual.clone();
    try {
      PageMasks.mask(maskedExpected, kind, block);
      PageMasks.mask(maskedActual, kind, block);
      if (kind == PageKind.SPGIST) {
        PageMasks.maskSpgistLastUsedPages(maskedExpected);
        PageMasks.maskSpgistLastUsedPages(maskedActual);
      }
    } catch (StorageException e) {
      differ("%s block %d: %s", name, block, e);
      return;
    }
    if (kind == PageKind.SEQUENCE && isLoggedAhead(maskedExpected, maskedActual)) {
      count("sequences logged ahead", 1);
      return;
    }
    if (kind == PageKind.VISIBILITY_MAP
        && databasesCopiedByWal.contains(file.tag().dbOid())
        && hasNoMoreBits(maskedExpected, maskedActual)) {
      count("visibility maps with bits not logged", 1);
      return;
    }
    if (kind == PageKind.BRIN
        && databasesCopiedByWal.contains(file.tag().dbOid())
        && isWithoutHole(maskedExpected, maskedActual)) {
      count("range maps not logged", 1);
      return;
    }
    int at = Arrays.mismatch(maskedExpected, maskedActual);
    if (at >= 0) {
      int end = Math.min(at + 16, RelationFiles.PAGE_SIZE_BYTES);
      differ(
          "%s block %d (%s, LSN disk %s, served %s): differs from byte %d on: disk %s, served %s",
          name,
          block,
          kind,
          pageLsn(expected),
          pageLsn(actual),
          at,
          hex(maskedExpected, at, end),
          hex(maskedActual, at, end));
    }
  }

  /**
   * Whether two pages of a sequence are the same but for the values that were logged ahead.
   *
   * <pre>
   *   last_value i64 | log_cnt i64: how many more were logged | is_called u8
   * </pre>
   */
  private static boolean isLoggedAhead(byte[] disk, byte[] served) {
    ByteBuffer onDisk = ByteBuffer.wrap(disk).order(ByteOrder.LITTLE_ENDIAN);
    ByteBuffer inWal = ByteBuffer.wrap(served).order(ByteOrder.LITTLE_ENDIAN);
    int tuple = onDisk.getInt(FIRST_LINE_POINTER) & 0x7FFF;
    int values = tuple + disk[tuple + HEADER_SIZE_IN_TUPLE];
    long ahead = inWal.getLong(values) - onDisk.getLong(values);
    long logged = onDisk.getLong(values + Long.BYTES);
    if (logged <= 0 || inWal.getLong(values + Long.BYTES) != 0 || ahead % logged != 0) {
      return false;
    }
    System.arraycopy(served, values, disk, values, SEQUENCE_VALUES_BYTES);
    return Arrays.equals(disk, served);
  }

  private static boolean hasNoMoreBits(byte[] disk, byte[] served) {
    for (int i = 0; i < disk.length; i++) {
      if ((served[i] & ~disk[i]) != 0) {
        return false;
      }
    }
    return true;
  }

  /** Whether the one served is the same, but for zeros in what its header calls unused space. */
  private static boolean isWithoutHole(byte[] disk, byte[] served) {
    int lower = (served[12] & 0xFF) | (served[13] & 0xFF) << 8;
    int upper = (served[14] & 0xFF) | (served[15] & 0xFF) << 8;
    return Arrays.equals(disk, 0, lower, served, 0, lower)
        && isZero(served, lower, upper - lower)
        && Arrays.equals(disk, upper, disk.length, served, upper, served.length);
  }

  /** A page of a map may have a header and nothing else. */
  private static boolean isEmpty(Fork fork, byte[] disk, int block) {
    int offset = block * RelationFiles.PAGE_SIZE_BYTES;
    int header = fork == Fork.VM ? PAGE_HEADER_BYTES : 0;
    return isZero(disk, offset + header, RelationFiles.PAGE_SIZE_BYTES - header);
  }

  private static Lsn pageLsn(byte[] page) {
    var buffer = ByteBuffer.wrap(page).order(ByteOrder.LITTLE_ENDIAN);
    return new Lsn(((long) buffer.getInt(0) << 32) | (buffer.getInt(4) & 0xFFFF_FFFFL));
  }

  private static String hex(byte[] bytes, int from, int to) {
    return java.util.HexFormat.of().formatHex(bytes, from, to);
  }

  private static boolean isZero(byte[] bytes, int from, int length) {
    for (int i = from; i < Math.min(from + length, bytes.length); i++) {
      if (bytes[i] != 0) {
        return false;
      }
    }
    return true;
  }

  private void compareFreeSpaceMap(RelationFiles.ForkFile file) {
    String name = kinds.name(file);
    try {
      OptionalInt pages = client.getRelSize(timeline, file.tag(), lsn);
      int heapBlocks = client.getRelSize(timeline, file.tag().withFork(Fork.MAIN), lsn).orElse(0);
      for (int block = 0; block < pages.orElse(0); block++) {
        byte[] page = client.getPage(timeline, file.tag(), block, lsn);
        count("free-space map pages", 1);
        FreeSpaceMapPage.problem(page, block, heapBlocks)
            .ifPresent(problem -> differ("%s: %s", name, problem));
      }
    } catch (StorageException e) {
      differ("%s: %s", name, e);
    }
  }

  private void compareSlru(int kind, String directory) throws IOException {
    try (Stream<Path> segments = Files.list(dataDirectory.resolve(directory))) {
      for (Path segment : segments.sorted().toList()) {
        String name = directory + "/" + segment.getFileName();
        byte[] disk = Files.readAllBytes(segment);
        try {
          int number = Integer.parseInt(segment.getFileName().toString(), 16);
          compareSlruSegment(name, disk, client.getSlruSegment(timeline, kind, number, lsn));
        } catch (StorageException e) {
          differ("%s: %s", name, e);
        }
      }
    }
  }

  private void compareSlruSegment(String name, byte[] disk, byte[] served) {
    count("transaction log segments", 1);
    count(
        "transaction log pages",
        Math.max(disk.length, served.length) / RelationFiles.PAGE_SIZE_BYTES);
    int both = Math.min(disk.length, served.length);
    int at = Arrays.mismatch(disk, 0, both, served, 0, both);
    if (at >= 0) {
      int end = Math.min(at + 16, both);
      differ(
          "%s differs from byte %d on: disk %s, served %s",
          name, at, hex(disk, at, end), hex(served, at, end));
    } else if (!isZero(disk, both, disk.length) || !isZero(served, both, served.length)) {
      differ("%s: %d bytes on disk, %d served", name, disk.length, served.length);
    }
  }

  /** Relation maps and prepared transactions, and that the backup has the same relations. */
  private void compareBackup(Path backup, List<RelationFiles.ForkFile> files, Set<String> unlogged)
      throws IOException {
    List<String> paths = new ArrayList<>(List.of("global/pg_filenode.map"));
    for (int database : RelationFiles.databases(dataDirectory)) {
      paths.add("base/" + database + "/pg_filenode.map");
      paths.add("base/" + database + "/PG_VERSION");
    }
    try (Stream<Path> prepared = Files.list(dataDirectory.resolve("pg_twophase"))) {
      prepared.sorted().forEach(file -> paths.add("pg_twophase/" + file.getFileName()));
    }
    for (String path : paths) {
      compareFile(backup, path);
    }
    Set<String> inBackup = new HashSet<>();
    for (RelationFiles.ForkFile file : RelationFiles.list(backup)) {
      if (file.fork() == Fork.FSM) {
        // Made of the pages, whether Postgres has one or not.
        checkFreeSpaceMap(backup, file);
      } else {
        inBackup.add(file.path());
      }
    }
    for (RelationFiles.ForkFile file : files) {
      boolean isLogged = file.fork() == Fork.INIT || !unlogged.contains(file.mainPath());
      if (isLogged
          && file.fork() != Fork.FSM
          && !inBackup.contains(file.path())
          && !isEmptyMap(file)) {
        differ("%s: is not in the base backup", kinds.name(file));
      }
      inBackup.remove(file.path());
    }
    for (String path : inBackup) {
      differ("%s: is in the base backup, not on disk", path);
    }
  }

  private void checkFreeSpaceMap(Path backup, RelationFiles.ForkFile file) throws IOException {
    byte[] map = file.read(backup);
    long heapBlocks = Files.size(backup.resolve(file.mainPath())) / RelationFiles.PAGE_SIZE_BYTES;
    for (int block = 0; block < file.blocks(); block++) {
      int from = block * RelationFiles.PAGE_SIZE_BYTES;
      byte[] page = Arrays.copyOfRange(map, from, from + RelationFiles.PAGE_SIZE_BYTES);
      count("free-space map pages in the backup", 1);
      FreeSpaceMapPage.problem(page, block, (int) heapBlocks)
          .ifPresent(problem -> differ("%s in the backup: %s", kinds.name(file), problem));
    }
  }

  private boolean isEmptyMap(RelationFiles.ForkFile file) throws IOException {
    byte[] disk = file.read(dataDirectory);
    boolean isEmpty = file.fork() == Fork.VM;
    for (int block = 0; block < file.blocks(); block++) {
      isEmpty &= isEmpty(file.fork(), disk, block);
    }
    return isEmpty;
  }

  private void compareFile(Path backup, String path) throws IOException {
    count(Path.of(path).getName(0) + " small files", 1);
    Path served = backup.resolve(path);
    if (!Files.exists(served)) {
      differ("%s: is not in the base backup", path);
    } else if (!path.endsWith("PG_VERSION")
        && Files.mismatch(dataDirectory.resolve(path), served) >= 0) {
      differ("%s: differs in the base backup", path);
    }
  }
}
