package io.coppice.postgres.redo;

import static io.coppice.postgres.bytes.LittleEndian.u16;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.coppice.common.error.StorageException;
import io.coppice.postgres.page.Page;
import io.coppice.postgres.page.SpgistPage;
import io.coppice.postgres.page.SpgistTuple;
import io.coppice.postgres.record.RecordKind;
import io.coppice.postgres.record.ResourceManager;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What a server hardly ever writes, and damage. What it does write is compared with its pages. */
final class SpgistRedoTest {
  private static final int LEAF_BYTES = 24;
  private static final int NODES = 2;
  private static final int NODE_BYTES = 16;
  private static final int INNER_BYTES = 8 + NODES * NODE_BYTES;
  private static final int BUILD = 1;

  /** Four leafs. */
  private final byte[] leafs = new byte[Page.SIZE_BYTES];

  /** Two inner tuples. */
  private final byte[] inners = new byte[Page.SIZE_BYTES];

  @BeforeEach
  void pages() throws Exception {
    SpgistPage.init(leafs, SpgistPage.LEAF);
    for (int i = 1; i <= 4; i++) {
      addLeaf(0, i, 0).applyTo(leafs);
    }
    SpgistPage.init(inners, 0);
    for (int i = 1; i <= 2; i++) {
      addNode(1, i, 2).other(0, 6).applyTo(inners);
    }
  }

  private static BlockRecord record(int kind, int blockId) {
    return new BlockRecord(ResourceManager.SPGIST, kind, blockId);
  }

  private static void leaf(ByteSink to) {
    to.put32(LEAF_BYTES << 2).put16(0).put32(0).put16(1).put32(0).put32(0).put32(0);
  }

  private static void inner(ByteSink to) {
    to.put32(NODES << 3).put16(INNER_BYTES).put16(0);
    for (int i = 0; i < NODES; i++) {
      to.put32(0).put16(0).put16(NODE_BYTES).put32(i).put32(0);
    }
  }

  private static void offsets(ByteSink to, int... offsetNumbers) {
    for (int offsetNumber : offsetNumbers) {
      to.put16(offsetNumber);
    }
  }

  private static BlockRecord addLeaf(int blockId, int offsetNumber, int head) {
    return addLeaf(blockId, offsetNumber, head, 0);
  }

  private static BlockRecord addLeaf(int blockId, int offsetNumber, int head, int newOfNulls) {
    return record(RecordKind.SPGIST_ADD_LEAF, blockId)
        .main(to -> {
          to.put8(newOfNulls).put8(newOfNulls).put16(offsetNumber).put16(head).put16(1).put16(1);
          leaf(to);
        });
  }

  /** Leafs 1 and 2 become leafs 5 and 6 elsewhere, and leaf 7 is new. */
  private static BlockRecord moveLeafs(int blockId, int... to) {
    return moveLeafs(blockId, new int[] {2, 1}, to);
  }

  private static BlockRecord moveLeafs(int blockId, int[] from, int[] to) {
    return moveLeafs(blockId, from, to, 0, 0);
  }

  private static BlockRecord moveLeafs(
      int blockId, int[] from, int[] to, int newOfNulls, int build) {
    return record(RecordKind.SPGIST_MOVE_LEAFS, blockId)
        .main(main -> {
          main.put16(from.length).put8(newOfNulls).put8(0).put8(newOfNulls).put8(0);
          main.put16(1).put16(1).put16(0).put32(700).put32(build);
          offsets(main, from);
          offsets(main, to);
          for (int i = 0; i < to.length; i++) {
            leaf(main);
          }
        });
  }

  private static BlockRecord addNode(int blockId, int newOffsetNumber, int parentBlockId) {
    return addNode(blockId, newOffsetNumber, parentBlockId, 0);
  }

  private static BlockRecord addNode(
      int blockId, int newOffsetNumber, int parentBlockId, int build) {
    return record(RecordKind.SPGIST_ADD_NODE, blockId)
        .main(to -> {
          to.put16(1).put16(newOffsetNumber).put8(0).put8(parentBlockId).put16(2).put16(1);
          to.put16(0).put32(700).put32(build);
          inner(to);
        });
  }

  private static BlockRecord splitTuple(int blockId, int upper, int lower, boolean onOnePage) {
    return record(RecordKind.SPGIST_SPLIT_TUPLE, blockId)
        .main(to -> {
          to.put16(upper).put16(lower).put8(0).put8(onOnePage ? 1 : 0);
          inner(to);
          inner(to);
        });
  }

  private static BlockRecord pickSplit(int blockId, int deleted, int inserted, int inner) {
    return pickSplit(blockId, deleted, inserted, inner, 0);
  }

  private static BlockRecord pickSplit(
      int blockId, int deleted, int inserted, int inner, int newOfNulls) {
    return record(RecordKind.SPGIST_PICKSPLIT, blockId)
        .main(to -> {
          to.put16(0).put16(1).put16(2).put8(newOfNulls).put8(newOfNulls);
          to.put16(inner).put8(newOfNulls).put8(newOfNulls);
          to.put8(0).put8(0).put16(1).put16(1).put16(0).put32(700).put32(0);
          offsets(to, deleted, inserted, inserted);
          to.put8(0).put8(1);
          inner(to);
          leaf(to);
          leaf(to);
        });
  }

  private static BlockRecord vacuumLeaf(
      int deads, int placeholders, int moves, int chains, int... offsetNumbers) {
    return record(RecordKind.SPGIST_VACUUM_LEAF, 0)
        .main(to -> {
          to.put16(deads).put16(placeholders).put16(moves).put16(chains).put32(700).put32(0);
          offsets(to, offsetNumbers);
        });
  }

  private static BlockRecord vacuumRoot(int... offsetNumbers) {
    return record(RecordKind.SPGIST_VACUUM_ROOT, 0)
        .main(to -> {
          to.put16(offsetNumbers.length).put16(0).put32(700).put32(0);
          offsets(to, offsetNumbers);
        });
  }

  private static BlockRecord vacuumRedirect(int firstToRemove, int... offsetNumbers) {
    return record(RecordKind.SPGIST_VACUUM_REDIRECT, 0)
        .main(to -> {
          to.put16(offsetNumbers.length).put16(firstToRemove).put32(700);
          offsets(to, offsetNumbers);
        });
  }

  private static int state(byte[] page, int offsetNumber) {
    return SpgistTuple.state(page, Page.itemOffset(Page.linePointer(page, offsetNumber)));
  }

  /** Where the second node of an inner tuple leads. */
  private static String link(byte[] page, int offsetNumber) {
    int node = Page.itemOffset(Page.linePointer(page, offsetNumber)) + 8 + NODE_BYTES;
    return (u16(page, node) << 16 | u16(page, node + 2)) + "/" + u16(page, node + 4);
  }

  /** A server takes a new page for the tuple rather than the parent's, which it holds locked. */
  @Test
  void anInnerTupleMayMoveToThePageOfItsParent() throws Exception {
    addNode(1, 3, 1).other(0, 6).applyTo(inners);
    assertThat(Page.itemCount(inners)).isEqualTo(3);
    assertThat(link(inners, 2)).isEqualTo("7/3");
  }

  @Test
  void anInnerTupleThatMovesAwayLeavesARedirectionUnlessTheIndexIsBeingBuilt() throws Exception {
    byte[] built = inners.clone();
    addNode(0, 9, 0).other(1, 8).applyTo(inners);
    assertThat(state(inners, 1)).isEqualTo(SpgistTuple.REDIRECT);
    assertThat(SpgistPage.redirections(inners)).isOne();
    assertThat(link(inners, 2)).isEqualTo("8/9");
    addNode(0, 9, 2, BUILD).other(1, 8).other(2, 9).applyTo(built);
    assertThat(state(built, 1)).isEqualTo(SpgistTuple.PLACEHOLDER);
    assertThat(SpgistPage.placeholders(built)).isOne();
    assertThat(link(built, 2)).isEqualTo("0/0");
  }

  @Test
  void theFirstOfTheLeafsThatMoveLeadsOnWhereverItLies() throws Exception {
    moveLeafs(0, 5, 6, 7).other(1, 8).applyTo(leafs);
    assertThat(state(leafs, 2)).isEqualTo(SpgistTuple.REDIRECT);
    assertThat(state(leafs, 1)).isEqualTo(SpgistTuple.PLACEHOLDER);
    vacuumRedirect(0, 2).applyTo(leafs);
    assertThat(state(leafs, 2)).isEqualTo(SpgistTuple.PLACEHOLDER);
    assertThat(SpgistPage.redirections(leafs)).isZero();
    assertThat(SpgistPage.placeholders(leafs)).isEqualTo(2);
  }

  @Test
  void leafsThatMoveWhileTheIndexIsBeingBuiltLeaveNoRedirection() throws Exception {
    moveLeafs(0, new int[] {2, 1}, new int[] {5, 6, 7}, 0, BUILD).other(1, 8).applyTo(leafs);
    assertThat(state(leafs, 2)).isEqualTo(SpgistTuple.PLACEHOLDER);
    assertThat(SpgistPage.redirections(leafs)).isZero();
    assertThat(SpgistPage.placeholders(leafs)).isEqualTo(2);
  }

  @Test
  void aNewPageIsOfTheTreeOfNullsIfTheRecordSaysSo() throws Exception {
    int leafOfNulls = SpgistPage.LEAF | SpgistPage.NULLS;
    addLeaf(0, 1, 0, 1).applyTo(leafs);
    assertThat(SpgistPage.flags(leafs)).isEqualTo(leafOfNulls);
    assertThat(Page.itemCount(leafs)).isOne();
    moveLeafs(1, new int[] {1}, new int[] {1, 2}, 1, 0).applyTo(leafs);
    assertThat(SpgistPage.flags(leafs)).isEqualTo(leafOfNulls);
    assertThat(Page.itemCount(leafs)).isEqualTo(2);
    for (int blockId = 0; blockId <= 1; blockId++) {
      pickSplit(blockId, 1, 1, 1, 1).other(2, 8).applyTo(leafs);
      assertThat(SpgistPage.flags(leafs)).isEqualTo(leafOfNulls);
      assertThat(Page.itemCount(leafs)).isOne();
    }
    pickSplit(2, 1, 1, 1, 1).applyTo(inners);
    assertThat(SpgistPage.flags(inners)).isEqualTo(SpgistPage.NULLS);
    assertThat(Page.itemCount(inners)).isOne();
  }

  @Test
  void aRecordThatIsCutIsCorrupt() {
    addLeaf(0, 5, 0).isCorruptWithLessMain(leafs);
    addLeaf(1, 5, 0).main(to -> to.put32(0).put32(0).put8(0)).isCorruptWithLessMain(inners);
    moveLeafs(0, 5, 6, 7).other(1, 8).main(to -> to.put16(1)).isCorruptWithLessMain(leafs);
    moveLeafs(1, 5, 6, 7).isCorruptWithLessMain(leafs);
    addNode(0, 0, 255).isCorruptWithLessMain(inners);
    addNode(1, 3, 2).other(0, 6).isCorruptWithLessMain(inners);
    splitTuple(0, 1, 3, true).isCorruptWithLessMain(inners);
    splitTuple(1, 1, 3, false).isCorruptWithLessMain(inners);
    pickSplit(0, 1, 5, 1).other(2, 8).isCorruptWithLessMain(leafs);
    pickSplit(1, 1, 5, 1).isCorruptWithLessMain(leafs);
    vacuumLeaf(1, 1, 0, 1, 1, 2, 3, 4).isCorruptWithLessMain(leafs);
    vacuumRoot(1, 2).isCorruptWithLessMain(leafs);
    vacuumRedirect(0, 1).isCorruptWithLessMain(leafs);
  }

  @Test
  void aRecordWithoutTheBlockThatItPointsAtIsCorrupt() {
    addLeaf(1, 5, 0).isCorruptFor(inners);
    moveLeafs(0, 5, 6, 7).isCorruptFor(leafs);
    moveLeafs(2, 5, 6, 7).isCorruptFor(inners);
    addNode(2, 3, 2).isCorruptFor(inners);
    pickSplit(0, 1, 5, 1).isCorruptFor(leafs);
    pickSplit(3, 1, 5, 1).isCorruptFor(inners);
  }

  @Test
  void numbersThatThePageDoesNotHaveAreCorrupt() {
    addLeaf(0, 0, 1).isCorruptFor(leafs);
    addLeaf(0, 6, 0).isCorruptFor(leafs);
    addLeaf(0, 5, 6).isCorruptFor(leafs);
    addLeaf(0, 5, 5).isCorruptFor(leafs);
    moveLeafs(0, new int[] {5}, new int[] {1, 2}).other(1, 8).isCorruptFor(leafs);
    moveLeafs(0, new int[] {0}, new int[] {1, 2}).other(1, 8).isCorruptFor(leafs);
    moveLeafs(1, 5, 7, 8).isCorruptFor(leafs);
    addNode(1, 4, 2).other(0, 6).isCorruptFor(inners);
    splitTuple(0, 3, 3, false).isCorruptFor(inners);
    splitTuple(1, 1, 4, false).isCorruptFor(inners);
    pickSplit(0, 5, 5, 1).other(2, 8).isCorruptFor(leafs);
    pickSplit(2, 1, 5, 4).isCorruptFor(inners);
    vacuumLeaf(0, 0, 1, 0, 1, 5).isCorruptFor(leafs);
    vacuumLeaf(0, 0, 0, 1, 5, 1).isCorruptFor(leafs);
    vacuumLeaf(5, 0, 0, 0, 1, 2, 3, 4, 5).isCorruptFor(leafs);
    vacuumRoot(5).isCorruptFor(leafs);
    vacuumRoot(3, 2, 1).isCorruptFor(leafs);
    vacuumRedirect(0, 5).isCorruptFor(leafs);
    vacuumRedirect(5).isCorruptFor(leafs);
  }

  @Test
  void aTupleThatGoesTwiceIsCorrupt() {
    moveLeafs(0, new int[] {1, 1}, new int[] {1, 2, 3}).other(1, 8).isCorruptFor(leafs);
    vacuumLeaf(0, 3, 0, 0, 2, 3, 2).isCorruptFor(leafs);
  }

  @Test
  void onlyAPlaceholderIsReplacedByAnAddedTuple() {
    addLeaf(0, 4, 0).isCorruptFor(leafs);
    moveLeafs(1, 4, 5, 6).isCorruptFor(leafs);
    splitTuple(0, 1, 2, true).isCorruptFor(inners);
    pickSplit(2, 1, 5, 2).isCorruptFor(inners);
  }

  @Test
  void aNodeThatTheInnerTupleDoesNotHaveIsCorrupt() {
    addLeaf(1, 5, 0)
        .other(0, 6)
        .main(to -> leaf(to.put16(0).put16(5).put16(0).put16(1).put16(NODES)))
        .isCorruptFor(inners);
    int tuple = Page.itemOffset(Page.linePointer(inners, 1));
    inners[tuple + 8 + 6] = 0;
    addLeaf(1, 5, 0).other(0, 6).isCorruptFor(inners);
    inners[tuple + 3] = (byte) 0xFF;
    addLeaf(1, 5, 0).other(0, 6).isCorruptFor(inners);
  }

  @Test
  void onlyAPageOfItsOwnKindIsTakenForOne() {
    byte[] other = new byte[Page.SIZE_BYTES];
    Page.init(other, SpgistPage.SPECIAL_BYTES);
    addLeaf(0, 1, 0).isCorruptFor(other);
    addLeaf(1, 1, 0).other(0, 6).isCorruptFor(other);
    moveLeafs(0, 5, 6, 7).other(1, 8).isCorruptFor(other);
    addNode(0, 0, 255).isCorruptFor(other);
    pickSplit(3, 1, 5, 1).other(2, 8).isCorruptFor(other);
    vacuumLeaf(0, 0, 0, 0).isCorruptFor(other);
    vacuumRoot().isCorruptFor(other);
    vacuumRedirect(0).isCorruptFor(other);
  }

  @Test
  void aBlockThatTheRecordCannotHaveIsNotReplayed() {
    for (BlockRecord record :
        new BlockRecord[] {
          addLeaf(2, 1, 0),
          moveLeafs(3, 5, 6, 7),
          addNode(3, 3, 2),
          addNode(2, 3, 1),
          splitTuple(2, 1, 3, false),
          splitTuple(1, 1, 3, true),
          pickSplit(4, 1, 5, 1),
          record(RecordKind.SPGIST_VACUUM_LEAF, 1),
          record(RecordKind.SPGIST_VACUUM_ROOT, 1),
          record(RecordKind.SPGIST_VACUUM_REDIRECT, 1),
          record(0x00, 0)
        }) {
      assertThatThrownBy(() -> record.applyTo(leafs.clone()))
          .isInstanceOf(StorageException.Unsupported.class);
    }
  }
}
