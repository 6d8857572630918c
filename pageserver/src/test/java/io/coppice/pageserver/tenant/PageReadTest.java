package io.coppice.pageserver.tenant;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Fork;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.TimelineId;
import io.coppice.common.key.Key;
import io.coppice.pageserver.layer.ReadTrace;
import io.coppice.pageserver.timeline.PageExplanation;
import io.coppice.pageserver.timeline.Timeline;
import io.coppice.postgres.page.Page;
import io.coppice.postgres.redo.ByteSink;
import io.coppice.postgres.redo.StoredValues;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Pages made of an image and of changes that lie in several layers and branches. */
@Timeout(60)
class PageReadTest {
  private static final Key PAGE = Key.relationBlock(Store.TABLE.withFork(Fork.VM), 0);
  private static final int HEADER_BYTES = 24;

  @TempDir Path directory;
  private Store store;
  private final ByteSink sink = new ByteSink();

  @SuppressWarnings("NullAway.Init")
  PageReadTest() {}

  @BeforeEach
  void open() throws Exception {
    store = new Store(directory);
    store.importEmpty();
  }

  @AfterEach
  void close() {
    store.close();
  }

  private static Lsn at(int number) {
    return Store.START.plus(8L * number);
  }

  private void put(Timeline timeline, int number) throws StorageException {
    timeline.writer().put(PAGE, at(number), sink.bytes(), 0, sink.length());
    timeline.writer().finishRecord(at(number - 1), at(number));
  }

  /** A page of the visibility map on which every bit is set. */
  private void putFullPage(Timeline timeline, int number) throws StorageException {
    byte[] page = new byte[Page.SIZE_BYTES];
    Arrays.fill(page, HEADER_BYTES, page.length, (byte) 0xFF);
    StoredValues.encodeImage(sink, page, 0, page.length);
    put(timeline, number);
  }

  private void clear(Timeline timeline, int number, int heapBlock) throws StorageException {
    StoredValues.encodeClearVmBits(
        sink, StoredValues.VM_ALL_VISIBLE | StoredValues.VM_ALL_FROZEN, heapBlock);
    put(timeline, number);
  }

  /** The heap blocks among the first eight whose bits are cleared. */
  private static List<Integer> cleared(Timeline timeline, int number) throws StorageException {
    byte[] page = timeline.get(PAGE, at(number)).orElseThrow();
    assertThat(page).hasSize(Page.SIZE_BYTES);
    return IntStream.range(0, 8)
        .filter(block -> (page[HEADER_BYTES + block / 4] >> (2 * (block % 4)) & 3) == 0)
        .boxed()
        .toList();
  }

  @Test
  void appliesChangesFromAllLayersInOrder() throws Exception {
    Timeline root = store.root();
    putFullPage(root, 1);
    clear(root, 2, 0);
    root.flush(10_000);
    clear(root, 3, 1);
    clear(root, 4, 2);
    root.flush(10_000);
    clear(root, 5, 3);
    assertThat(cleared(root, 1)).isEmpty();
    assertThat(cleared(root, 2)).containsExactly(0);
    assertThat(cleared(root, 4)).containsExactly(0, 1, 2);
    assertThat(cleared(root, 5)).containsExactly(0, 1, 2, 3);
    assertThat(root.layers()).hasSize(4);
  }

  @Test
  void saysWhatAReadTook() throws Exception {
    Timeline root = store.root();
    putFullPage(root, 1);
    clear(root, 2, 0);
    root.flush(10_000);
    clear(root, 3, 1);
    root.flush(10_000);
    Timeline child = store.branch("child", new TimelineId(3, 1), root, at(3));
    clear(child, 4, 2);

    PageExplanation told = child.explain(PAGE, at(4));

    assertThat(told.visits())
        .extracting(visit -> visit.timeline() + " " + visit.versions() + " " + visit.wasHere())
        .containsExactly("child 1 true", "main 1 true", "main 2 true");
    assertThat(told.visits()).extracting(ReadTrace.Visit::lsn).endsWith(at(3), at(3));
    assertThat(told.versions())
        .extracting(PageExplanation.Version::kind)
        .containsExactly("clear vm bits", "clear vm bits", "clear vm bits", "image");
    assertThat(told.versions())
        .extracting(PageExplanation.Version::lsn)
        .containsExactly(at(4), at(3), at(2), at(1));
    assertThat(told.problem()).isEmpty();
    assertThat(child.explain(Store.block(77), at(4)).versions()).isEmpty();
    // And a read after it is not written down.
    assertThat(cleared(child, 4)).containsExactly(0, 1, 2);
  }

  @Test
  void saysWhyThereIsNoPage() throws Exception {
    Timeline root = store.root();
    clear(root, 1, 0);
    assertThat(root.explain(PAGE, at(1)).problem()).contains("changes a page that is not there");
  }

  @Test
  void goesOnIntoAncestorsUpToWhereTheyWereLeft() throws Exception {
    Timeline root = store.root();
    putFullPage(root, 1);
    clear(root, 2, 0);
    Timeline child = store.branch("child", new TimelineId(3, 1), root, at(2));
    clear(root, 3, 1);
    clear(child, 3, 2);
    Timeline grandchild = store.branch("grandchild", new TimelineId(3, 2), child, at(3));
    clear(child, 4, 3);
    clear(grandchild, 4, 4);
    for (int i = 0; i < 2; i++) {
      root = store.root();
      assertThat(cleared(root, 3)).containsExactly(0, 1);
      assertThat(cleared(store.manager.branch(Store.TENANT, "child"), 4)).containsExactly(0, 2, 3);
      Timeline deepest = store.manager.branch(Store.TENANT, "grandchild");
      assertThat(cleared(deepest, 4)).containsExactly(0, 2, 4);
      assertThat(cleared(deepest, 1)).isEmpty();
      store.restart();
    }
  }

  @Test
  void startsAgainAtAnImage() throws Exception {
    Timeline root = store.root();
    putFullPage(root, 1);
    clear(root, 2, 0);
    root.flush(10_000);
    putFullPage(root, 3);
    clear(root, 4, 5);
    assertThat(cleared(root, 4)).containsExactly(5);
    StoredValues.encodeZeroPage(sink);
    put(root, 5);
    assertThat(root.get(PAGE, at(5))).hasValue(new byte[Page.SIZE_BYTES]);
  }

  @Test
  void refusesAChangeOfAPageThatIsNotThere() throws Exception {
    Timeline root = store.root();
    clear(root, 2, 0);
    assertThatThrownBy(() -> root.get(PAGE, at(2)))
        .isInstanceOf(StorageException.Corrupt.class)
        .hasMessageContaining(PAGE.toString())
        .hasMessageContaining(at(2).toString());
    root.flush(10_000);
    assertThatThrownBy(() -> root.get(PAGE, at(2))).isInstanceOf(StorageException.Corrupt.class);
  }

  @Test
  void answersABatchInItsOrder() throws Exception {
    Timeline root = store.root();
    putFullPage(root, 1);
    Store.write(root, Store.block(3), at(2), "three");
    root.flush(10_000);
    List<Key> keys = List.of(Store.block(3), PAGE, Store.block(9), Store.block(3));
    byte[][] found = new byte[4][];
    root.getPages(
        keys,
        at(2),
        (index, key, page) -> {
          assertThat(key).isEqualTo(keys.get(index));
          found[index] = page == null ? new byte[0] : page;
        });
    assertThat(found[0]).asString().isEqualTo("three");
    assertThat(found[1]).hasSize(Page.SIZE_BYTES);
    assertThat(found[2]).isEmpty();
    assertThat(found[3]).asString().isEqualTo("three");
  }
}
