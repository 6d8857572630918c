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
 * Compares the files of a stopped server with the timeline. Kinds of pages are guessed from their
 * special space; those that fit none are compared as heap pages.
 */
final class PagesOnDisk {
  private static final int BTREE_SPECIAL_BYTES = 16;
  private static final int SEQUENCE_SPECIAL_BYTES = 8;

  private PagesOnDisk() {}

  static void assertEqual(Timeline timeline, Postgres server) throws Exception {
    TimelineReader reader = new TimelineReader(timeline);
    Lsn lsn = timeline.lastRecordLsn();
    Path root = server.directory();
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
                .isEqualTo(Files.readAllBytes(file));
        default -> {}
      }
    }
    assertThat(differences).isEmpty();
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
    return switch (Page.SIZE_BYTES - Page.special(page)) {
      case BTREE_SPECIAL_BYTES -> PageKind.BTREE;
      case SEQUENCE_SPECIAL_BYTES -> PageKind.SEQUENCE;
      default -> PageKind.HEAP;
    };
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
