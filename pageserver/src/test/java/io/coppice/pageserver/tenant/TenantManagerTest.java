package io.coppice.pageserver.tenant;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.TenantId;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.common.id.TimelineId;
import io.coppice.common.id.WalStart;
import io.coppice.pageserver.timeline.Timeline;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(60)
class TenantManagerTest {
  private static final TimelineId A = new TimelineId(3, 1);
  private static final TimelineId B = new TimelineId(3, 2);
  private static final Lsn LAST = Store.START.plus(80);

  @TempDir Path directory;
  private Store store;

  @SuppressWarnings("NullAway.Init")
  TenantManagerTest() {}

  @BeforeEach
  void open() throws Exception {
    store = new Store(directory);
    Timeline root = store.importEmpty();
    for (int i = 1; i <= 10; i++) {
      Store.write(root, Store.block(i), Store.START.plus(8L * i), "block " + i);
    }
  }

  @AfterEach
  void close() {
    store.close();
  }

  @Test
  void makesTheSameBranchOnce() throws Exception {
    Timeline first = store.branch("a", A, store.root(), LAST);
    assertThat(store.branch("a", A, store.root(), LAST)).isSameAs(first);
    assertThat(
            store.manager.createBranch(
                new BranchRequest(Store.TENANT, A, "a", Store.ROOT, Optional.empty(), 0)))
        .isSameAs(first);
    store.restart();
    assertThat(store.branch("a", A, store.root(), LAST).id()).isEqualTo(first.id());
    assertThatThrownBy(() -> store.branch("a", A, store.root(), LAST.plus(-8)))
        .isInstanceOf(StorageException.Conflict.class)
        .hasMessageContaining("exists already");
    assertThatThrownBy(() -> store.branch("other", A, store.root(), LAST))
        .isInstanceOf(StorageException.Conflict.class);
  }

  @Test
  void startsWalInTheNewestAttemptOnly() throws Exception {
    TenantTimelineId id = new TenantTimelineId(Store.TENANT, A);
    store.branch("a", A, store.root(), LAST);
    assertThat(store.manager.timeline(id).beginWal()).isEqualTo(new WalStart(1, 0));
    store.crash();
    assertThat(store.manager.timeline(id).beginWal()).isEqualTo(new WalStart(2, 0));
    assertThatThrownBy(() -> store.manager.timeline(id).startWal(1))
        .isInstanceOf(StorageException.Conflict.class)
        .hasMessageContaining("attempt 1 is over, 2 is the newest");
    store.manager.timeline(id).startWal(2);
    store.manager.timeline(id).startWal(2);
    store.crash();
    assertThat(store.manager.timeline(id).beginWal()).isEqualTo(new WalStart(2, 2));
    store.manager.timeline(id).startWal(2);
    assertThatThrownBy(() -> store.manager.timeline(id).startWal(1))
        .isInstanceOf(StorageException.Conflict.class)
        .hasMessageContaining("2 is the one that counts");
  }

  @Test
  void refusesANameThatIsTaken() throws Exception {
    store.branch("a", A, store.root(), LAST);
    assertThatThrownBy(() -> store.branch("a", B, store.root(), LAST))
        .isInstanceOf(StorageException.Conflict.class)
        .hasMessageContaining("\"a\"");
    store.restart();
    assertThatThrownBy(() -> store.branch("a", B, store.root(), LAST))
        .isInstanceOf(StorageException.Conflict.class);
    store.manager.deleteBranch(new TenantTimelineId(Store.TENANT, A));
    store.branch("a", B, store.root(), LAST);
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "a b", "a\nb", "\u0000"})
  void refusesAnUnusableName(String name) {
    assertThatThrownBy(() -> store.branch(name, A, store.root(), LAST))
        .isInstanceOf(StorageException.Invalid.class)
        .hasMessageContaining("not a name");
  }

  @Test
  void branchesWithinWhatTheParentHas() throws Exception {
    Timeline root = store.root();
    assertThatThrownBy(() -> store.branch("a", A, root, Store.START.plus(-8)))
        .isInstanceOf(StorageException.Precondition.class)
        .hasMessageContaining(Store.START.toString())
        .hasMessageContaining(LAST.toString());
    assertThatThrownBy(() ->
            store.manager.createBranch(
                new BranchRequest(Store.TENANT, A, "a", Store.ROOT, Optional.of(LAST.plus(8)), 20)))
        .isInstanceOf(StorageException.Transient.class)
        .hasMessageContaining(LAST.toString());
    // Nothing of the failed ones is left.
    Timeline a = store.branch("a", A, root, LAST.plus(-3));
    assertThat(a.startLsn()).isEqualTo(LAST);
    assertThat(a.prevRecordLsn()).isEqualTo(root.prevRecordLsn());
    assertThatThrownBy(() -> store.branch("b", B, a, LAST.plus(-8)))
        .isInstanceOf(StorageException.Precondition.class);
  }

  @Test
  void findsABranchAgainThatWasAskedForWithinAPageHeader() throws Exception {
    Timeline root = store.root();
    Lsn page = new Lsn(0x1002000);
    Store.write(root, Store.block(1), page.plus(0x40), "behind the header");
    Timeline a = store.branch("a", A, root, page.plus(9));
    assertThat(a.startLsn()).isEqualTo(page);
    assertThat(store.branch("a", A, root, page.plus(9))).isSameAs(a);
  }

  @Test
  void findsBranchesByNameAndId() throws Exception {
    Timeline a = store.branch("a", A, store.root(), LAST);
    assertThat(store.manager.branch(Store.TENANT, "a")).isSameAs(a);
    assertThat(store.manager.branch(Store.TENANT, A.toString())).isSameAs(a);
    assertThat(store.manager.branches(Store.TENANT))
        .extracting(Timeline::name)
        .containsExactly("a", "main");
    assertThatThrownBy(() -> store.manager.branch(Store.TENANT, "nain"))
        .isInstanceOf(StorageException.NotFound.class)
        .hasMessageContaining("main");
    assertThatThrownBy(() -> store.manager.branch(Store.TENANT, B.toString()))
        .isInstanceOf(StorageException.NotFound.class);
    assertThatThrownBy(() -> store.manager.branches(new TenantId(9, 9)))
        .isInstanceOf(StorageException.NotFound.class)
        .hasMessageContaining("no tenant");
  }

  @Test
  void keepsABranchThatHasBranches() throws Exception {
    Timeline a = store.branch("a", A, store.root(), LAST);
    store.branch("b", B, a, LAST);
    assertThatThrownBy(() -> store.manager.deleteBranch(a.id()))
        .isInstanceOf(StorageException.Precondition.class)
        .hasMessageContaining("(b)");
    assertThatThrownBy(() -> store.manager.deleteBranch(store.root().id()))
        .isInstanceOf(StorageException.Precondition.class);
    store.restart();
    assertThatThrownBy(() -> store.manager.deleteBranch(a.id()))
        .isInstanceOf(StorageException.Precondition.class);
    store.manager.deleteBranch(new TenantTimelineId(Store.TENANT, B));
    store.manager.deleteBranch(a.id());
    assertThatThrownBy(() -> store.manager.deleteBranch(a.id()))
        .isInstanceOf(StorageException.NotFound.class);
    store.restart();
    assertThat(store.manager.branches(Store.TENANT)).hasSize(1);
  }

  @Test
  void leavesNothingOfADeletedBranch() throws Exception {
    Timeline a = store.branch("a", A, store.root(), LAST);
    Store.write(a, Store.block(1), LAST.plus(8), "of a");
    a.flush(10_000);
    String prefix = "tenants/" + Store.TENANT + "/timelines/" + A;
    assertThat(store.objects.list(prefix)).hasSize(2);
    store.manager.deleteBranch(a.id());
    assertThat(store.objects.list(prefix)).as("the mark").hasSize(1);
    store.manager.sweep();
    assertThat(store.objects.list(prefix)).isEmpty();
    assertThat(store.layersDirectory().resolve(Store.TENANT.toString()).resolve(A.toString()))
        .doesNotExist();
    assertThatThrownBy(() -> Store.read(a, Store.block(1), LAST))
        .isInstanceOf(StorageException.Transient.class)
        .hasMessageContaining("deleted");
  }

  @Test
  void tellsWhoListens() throws Exception {
    List<String> heard = new ArrayList<>();
    store.manager.setListener(
        new BranchListener() {
          @Override
          public void added(Timeline timeline) {
            heard.add("+" + timeline.name());
          }

          @Override
          public void removed(TenantTimelineId id) {
            heard.add("-" + id.timeline());
          }
        });
    store.branch("a", A, store.root(), LAST);
    store.manager.deleteBranch(new TenantTimelineId(Store.TENANT, A));
    assertThat(heard).containsExactly("+main", "+a", "-" + A);
  }

  @Test
  void refusesToImportATenantTwice() throws Exception {
    assertThatThrownBy(() -> store.manager.importRoot(Store.rootImport()))
        .isInstanceOf(StorageException.Conflict.class);
    RootImport sameName =
        new RootImport(
            new TenantId(7, 7), "acme", A, "main", Store.START, Lsn.INVALID, 15, 1, 16 << 20);
    assertThatThrownBy(() -> store.manager.importRoot(sameName))
        .isInstanceOf(StorageException.Conflict.class)
        .hasMessageContaining("acme");
  }

  @Test
  void forgetsAnImportThatWasGivenUp() throws Exception {
    RootImport other =
        new RootImport(
            new TenantId(7, 7), "other", A, "main", Store.START, Lsn.INVALID, 15, 1, 16 << 20);
    byte[] value = Store.value("x");
    try (var running = store.manager.importRoot(other)) {
      running.put(Store.block(1), value, 0, value.length);
    }
    assertThat(store.manager.tenants()).hasSize(1);
    try (var running = store.manager.importRoot(other)) {
      running.put(Store.block(1), value, 0, value.length);
      running.finish();
    }
    assertThat(store.manager.tenants())
        .extracting(TenantInfo::name)
        .containsExactly("acme", "other");
  }

  @Test
  void readsOnlyWithinTheWindow() throws Exception {
    Timeline root = store.root();
    assertThatThrownBy(() -> root.get(Store.block(1), LAST.plus(1)))
        .isInstanceOf(StorageException.Precondition.class)
        .hasMessageContaining(LAST.toString());
    assertThatThrownBy(() -> root.get(Store.block(1), Store.START.plus(-1)))
        .isInstanceOf(StorageException.Precondition.class)
        .hasMessageContaining(Store.START.toString());
    // Put, but not published.
    Store.put(root, Store.block(1), LAST.plus(8), "unpublished");
    assertThat(Store.read(root, Store.block(1), LAST)).hasValue("block 1");
    assertThat(root.writer().getLatest(Store.block(1))).isPresent();
    root.writer().discardRecord();
    assertThat(root.writer().getLatest(Store.block(1)))
        .hasValue(new byte[] {'b', 'l', 'o', 'c', 'k', ' ', '1'});
  }

  @Test
  void notesHowFarWalWithoutValuesWent() throws Exception {
    Timeline root = store.root();
    root.flush(10_000);
    root.writer().finishRecord(LAST, LAST.plus(800));
    root.flush(10_000);
    assertThat(root.diskConsistentLsn()).isEqualTo(LAST.plus(800));
    store.crash();
    assertThat(store.root().lastRecordLsn()).isEqualTo(LAST.plus(800));
    assertThat(store.root().prevRecordLsn()).isEqualTo(LAST);
  }

  @Test
  void refusesADirectoryThatIsInUse() {
    assertThatThrownBy(() -> TenantManager.open(store.config, store.objects, Store.CLOCK))
        .isInstanceOf(StorageException.Precondition.class)
        .hasMessageContaining("in use");
  }

  @Test
  void refusesADirectoryOfAnotherVersion() throws Exception {
    store.close();
    Path format = store.config.dataDir().resolve("FORMAT");
    Files.writeString(format, "coppice-pageserver 2\n");
    assertThatThrownBy(() -> TenantManager.open(store.config, store.objects, Store.CLOCK))
        .isInstanceOf(StorageException.Precondition.class)
        .hasMessageContaining("another version")
        .hasMessageContaining("coppice-pageserver 2");
    Files.delete(format);
    assertThatThrownBy(() -> TenantManager.open(store.config, store.objects, Store.CLOCK))
        .isInstanceOf(StorageException.Precondition.class)
        .hasMessageContaining("not empty");
    Files.writeString(format, "coppice-pageserver 1\n");
    store.manager = TenantManager.open(store.config, store.objects, Store.CLOCK);
    assertThat(Store.read(store.root(), Store.block(10), LAST)).hasValue("block 10");
  }

  @Test
  void removesFilesThatNoIndexNames() throws Exception {
    store.root().flush(10_000);
    Path files = store.layersDirectory().resolve(Store.TENANT + "/" + Store.ROOT);
    Files.writeString(files.resolve("flush-1.tmp"), "half a layer");
    Path stranger = store.layersDirectory().resolve(Store.TENANT + "/" + B);
    Files.createDirectories(stranger);
    Files.writeString(stranger.resolve("x"), "y");
    store.restart();
    assertThat(stranger).doesNotExist();
    try (Stream<Path> left = Files.list(files)) {
      assertThat(left).hasSize(2).noneMatch(file -> file.toString().endsWith(".tmp"));
    }
  }
}
