package io.coppice.pageserver.process;

import static org.assertj.core.api.Assertions.assertThat;

import io.coppice.common.id.Fork;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.RelationTag;
import io.coppice.pageserver.query.RelationState;
import io.coppice.pageserver.query.TimelineReader;
import io.coppice.pageserver.timeline.Timeline;
import io.coppice.pageserver.timeline.TimelineKeys;
import io.coppice.postgres.control.ControlFile;
import io.coppice.postgres.datadir.DataDirectoryLayout;
import io.coppice.postgres.datadir.DataFile;
import io.coppice.postgres.datadir.SlruKind;
import io.coppice.postgres.page.Page;
import io.coppice.postgres.page.PageKind;
import io.coppice.postgres.page.PageMasks;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;

/**
 * Compares the files of a stopped server with the timeline, after Postgres's own masks. Kinds of
 * pages are guessed from their special space; those that fit none are compared as heap pages.
 */
final class PagesOnDisk {
  private static final int SEQUENCE_MAGIC = 0x1717;

  private PagesOnDisk() {}

  static void assertEqual(Timeline timeline, Postgres server) throws Exception {
    assertEqual(timeline, timeline.lastRecordLsn(), server.directory());
  }

  /**
   * The same for an earlier moment.
   *
   * @param root data directory of a server that was stopped there, or a copy of it without its log
   */
  static void assertEqual(Timeline timeline, Lsn lsn, Path root) throws Exception {
    TimelineReader reader = new TimelineReader(timeline);
    DataDirectoryLayout layout =
        DataDirectoryLayout.of(
            ControlFile.read(Files.readAllBytes(root.resolve(ControlFile.PATH))));
    List<String> differences = new ArrayList<>();
    int pages = 0;
    List<Path> files;
    try (Stream<Path> all = Files.walk(root)) {
      files = all.filter(Files::isRegularFile).sorted().toList();
    }
    for (Path file : files) {
      switch (layout.classify(root.relativize(file).toString())) {
        case DataFile.RelationSegment(RelationTag tag, int segment) -> {
          if (segment == 0 && tag.fork() != Fork.FSM.number() && !isUnlogged(root, layout, tag)) {
            pages += compare(reader, lsn, tag, file, differences);
          }
        }
        case DataFile.SlruSegment(SlruKind kind, int segment) ->
            compareSlru(reader, lsn, kind, segment, file, differences);
        case DataFile.RelationMapFile(int spc, int db) ->
            assertThat(timeline.get(TimelineKeys.relationMap(spc, db), lsn).orElseThrow())
                .as("%s at %s", file, lsn)
                .isEqualTo(Files.readAllBytes(file));
        default -> {}
      }
    }
    assertThat(differences).as("%s at %s", timeline.name(), lsn).isEmpty();
    assertThat(pages).isGreaterThan(1_000);
  }

  private static boolean isUnlogged(Path root, DataDirectoryLayout layout, RelationTag tag) {
    return tag.fork() != Fork.INIT.number()
        && Files.exists(root.resolve(layout.relationPath(tag.withFork(Fork.INIT), 0)));
  }

  private static int compare(
      TimelineReader reader, Lsn lsn, RelationTag tag, Path file, List<String> differences)
      throws Exception {
    byte[] bytes = Files.readAllBytes(file);
    int blocks = bytes.length / Page.SIZE_BYTES;
    long stored = reader.relation(tag, lsn).map(RelationState::sizeBlocks).orElse(-1L);
    List<byte[]> expected = new ArrayList<>();
    List<Integer> numbers = new ArrayList<>();
    for (int block = 0; block < blocks; block++) {
      byte[] page =
          Arrays.copyOfRange(bytes, block * Page.SIZE_BYTES, (block + 1) * Page.SIZE_BYTES);
      expected.add(page);
      numbers.add(block);
      if (block >= stored && !Page.isNew(page)) {
        differences.add("%s has %d blocks, but %d in the file".formatted(tag, stored, blocks));
        return 0;
      }
    }
    if (stored > blocks || stored < 0) {
      if (stored != -1 || blocks > 0) {
        differences.add("%s has %d blocks, but %d in the file".formatted(tag, stored, blocks));
      }
      return 0;
    }
    reader.readPages(
        tag,
        numbers,
        lsn,
        (block, page) -> {
          byte[] want = expected.get(block);
          PageKind kind = kind(tag, want);
          PageMasks.mask(want, kind, block);
          PageMasks.mask(page, kind, block);
          if (kind == PageKind.SPGIST) {
            PageMasks.maskSpgistLastUsedPages(want);
            PageMasks.maskSpgistLastUsedPages(page);
          }
          if (kind == PageKind.SEQUENCE) {
            PageMasks.maskSequenceCounters(want);
            PageMasks.maskSequenceCounters(page);
          }
          int at = Arrays.mismatch(want, page);
          if (at >= 0) {
            differences.add(
                "%s block %d (%s) differs at byte %d: %d, not %d"
                    .formatted(tag, block, kind, at, page[at], want[at]));
          }
        });
    return blocks;
  }

  private static PageKind kind(RelationTag tag, byte[] page) {
    if (tag.fork() == Fork.VM.number()) {
      return PageKind.VISIBILITY_MAP;
    }
    int special = Page.special(page);
    return switch (Page.SIZE_BYTES - special) {
      case 16 -> indexKind(lastUnsignedShort(page), PageKind.BTREE);
      case 8 ->
          indexKind(
              lastUnsignedShort(page),
              isSequence(page, special) ? PageKind.SEQUENCE : PageKind.GIN);
      default -> PageKind.HEAP;
    };
  }

  /** By the ids that end the special space of some, and that no number of others is as large as. */
  private static PageKind indexKind(int id, PageKind otherwise) {
    return switch (id) {
      case 0xFF80 -> PageKind.HASH;
      case 0xFF81 -> PageKind.GIST;
      case 0xFF82 -> PageKind.SPGIST;
      case 0xF091, 0xF092, 0xF093 -> PageKind.BRIN;
      default -> otherwise;
    };
  }

  private static int lastUnsignedShort(byte[] page) {
    return (page[page.length - 2] & 0xFF) | (page[page.length - 1] & 0xFF) << 8;
  }

  private static boolean isSequence(byte[] page, int special) {
    return ((page[special] & 0xFF) | (page[special + 1] & 0xFF) << 8) == SEQUENCE_MAGIC;
  }

  private static void compareSlru(
      TimelineReader reader,
      Lsn lsn,
      SlruKind kind,
      int segment,
      Path file,
      List<String> differences)
      throws Exception {
    if (kind == SlruKind.COMMIT_TS) {
      return;
    }
    byte[] want = Files.readAllBytes(file);
    byte[] have = reader.slruSegment(kind.number(), segment, lsn);
    int at = Arrays.mismatch(want, have);
    if (at >= 0) {
      differences.add("%s %04X differs at byte %d".formatted(kind, segment, at));
    }
  }
}
