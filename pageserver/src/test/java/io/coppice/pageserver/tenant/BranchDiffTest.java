package io.coppice.pageserver.tenant;

import static org.assertj.core.api.Assertions.assertThat;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.RelationTag;
import io.coppice.common.id.TimelineId;
import io.coppice.common.key.Key;
import io.coppice.pageserver.query.BranchDiff;
import io.coppice.pageserver.query.RelationState;
import io.coppice.pageserver.query.TimelineReader;
import io.coppice.pageserver.timeline.Divergence;
import io.coppice.pageserver.timeline.ImageImport;
import io.coppice.pageserver.timeline.Timeline;
import io.coppice.testsupport.Randoms;
import io.coppice.testsupport.Seeded;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Differences of branches, against maps in memory that are compared block by block. */
@Timeout(60)
final class BranchDiffTest {
  private static final int RELATIONS = 4;
  private static final int BLOCKS_MAX = 6;

  @TempDir Path directory;
  private final List<Branch> branches = new ArrayList<>();

  /** A branch, and what its relations hold: a number for each block. */
  private record Branch(Timeline timeline, Map<Integer, List<Integer>> relations) {
    Map<Integer, List<Integer>> copy() {
      Map<Integer, List<Integer>> copy = new TreeMap<>();
      relations.forEach((relation, blocks) -> copy.put(relation, new ArrayList<>(blocks)));
      return copy;
    }
  }

  private static RelationTag tag(int relation) {
    return new RelationTag(1663, 5, 16384 + relation, 0);
  }

  /** A page whose LSN and checksum say nothing. */
  private static byte[] page(int content, RandomGenerator random) {
    byte[] page = new byte[1 + TimelineReader.PAGE_SIZE_BYTES];
    Arrays.fill(page, 11, page.length, (byte) content);
    for (int i = 1; i < 11; i++) {
      page[i] = (byte) random.nextInt();
    }
    return page;
  }

  private static byte[] size(long blocks, boolean isDropped) {
    byte[] state = new RelationState(blocks, BLOCKS_MAX, isDropped, false).toBytes();
    byte[] value = new byte[1 + state.length];
    System.arraycopy(state, 0, value, 1, state.length);
    return value;
  }

  private static void put(Timeline timeline, Key key, Lsn lsn, byte[] value)
      throws StorageException {
    timeline.writer().put(key, lsn, value, 0, value.length);
  }

  /** One record: a block is written, or a relation grows, shrinks or goes. */
  private void write(Branch branch, RandomGenerator random) throws StorageException {
    Timeline timeline = branch.timeline();
    Lsn lsn = timeline.lastRecordLsn().plus(8);
    int relation = random.nextInt(RELATIONS);
    List<Integer> blocks = branch.relations().get(relation);
    if (blocks != null && random.nextInt(8) == 0) {
      branch.relations().remove(relation);
      put(timeline, Key.relationSize(tag(relation)), lsn, size(0, true));
    } else if (blocks != null && !blocks.isEmpty() && random.nextInt(4) == 0) {
      blocks.removeLast();
      put(timeline, Key.relationSize(tag(relation)), lsn, size(blocks.size(), false));
    } else {
      if (blocks == null) {
        blocks = new ArrayList<>();
        branch.relations().put(relation, blocks);
      }
      int block = random.nextInt(Math.min(blocks.size() + 1, BLOCKS_MAX));
      int content = random.nextInt(3);
      put(timeline, Key.relationBlock(tag(relation), block), lsn, page(content, random));
      if (block == blocks.size()) {
        blocks.add(content);
        put(timeline, Key.relationSize(tag(relation)), lsn, size(blocks.size(), false));
      } else {
        blocks.set(block, content);
      }
    }
    timeline.writer().finishRecord(timeline.lastRecordLsn(), lsn);
  }

  private Branch importRoot(Store store) throws StorageException {
    try (ImageImport running = store.manager.importRoot(Store.rootImport())) {
      byte[] value = Store.value("control");
      running.put(new Key(3, 0, 0, 0, 0, 0), value, 0, value.length);
      return new Branch(running.finish(), new TreeMap<>());
    }
  }

  private static Map<RelationTag, Long> expected(Branch a, Branch b) {
    Map<RelationTag, Long> differing = new TreeMap<>(Comparator.comparing(Object::toString));
    for (int relation = 0; relation < RELATIONS; relation++) {
      List<Integer> blocksA = a.relations().get(relation);
      List<Integer> blocksB = b.relations().get(relation);
      if (blocksA == null && blocksB == null) {
        continue;
      }
      List<Integer> inA = blocksA == null ? List.of() : blocksA;
      List<Integer> inB = blocksB == null ? List.of() : blocksB;
      long count = Math.abs(inA.size() - inB.size());
      for (int i = 0; i < Math.min(inA.size(), inB.size()); i++) {
        count += inA.get(i).equals(inB.get(i)) ? 0 : 1;
      }
      if (count > 0 || (blocksA == null) != (blocksB == null)) {
        differing.put(tag(relation), count);
      }
    }
    return differing;
  }

  private static Map<RelationTag, Long> found(Branch a, Branch b) throws Exception {
    BranchDiff.State stateA =
        new BranchDiff.State(new TimelineReader(a.timeline()), a.timeline().lastRecordLsn());
    BranchDiff.State stateB =
        new BranchDiff.State(new TimelineReader(b.timeline()), b.timeline().lastRecordLsn());
    Divergence divergence = BranchDiff.divergence(stateA, stateB);
    for (Divergence.Span span : divergence.spans()) {
      span.timeline().flush(10_000);
    }
    Map<RelationTag, Long> differing = new TreeMap<>(Comparator.comparing(Object::toString));
    BranchDiff.compare(
        stateA,
        stateB,
        divergence,
        relation -> assertThat(differing.put(relation.tag(), relation.differingBlocks())).isNull());
    return differing;
  }

  @Seeded(tries = 12)
  void tellsWhatDiffersBetweenAnyTwoBranches(long seed) throws Exception {
    RandomGenerator random = new Randoms(seed).of("steps");
    try (Store store = new Store(directory.resolve("run" + seed))) {
      branches.add(importRoot(store));
      for (int step = 0; step < 120; step++) {
        Branch branch = branches.get(random.nextInt(branches.size()));
        int what = random.nextInt(20);
        if (what == 0) {
          branch.timeline().flush(10_000);
        } else if (what == 1 && branches.size() < 6) {
          Timeline parent = branch.timeline();
          Timeline child =
              store.manager.createBranch(
                  new BranchRequest(
                      Store.TENANT,
                      new TimelineId(9, branches.size()),
                      "b" + branches.size(),
                      parent.id().timeline(),
                      Optional.empty(),
                      1_000));
          branches.add(new Branch(child, branch.copy()));
        } else {
          write(branch, random);
        }
      }
      for (Branch a : branches) {
        for (Branch b : branches) {
          assertThat(found(a, b))
              .as("%s and %s", a.timeline().name(), b.timeline().name())
              .isEqualTo(expected(a, b));
        }
      }
    }
  }
}
