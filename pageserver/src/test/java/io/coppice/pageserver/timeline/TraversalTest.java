package io.coppice.pageserver.timeline;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.TenantId;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.common.id.TimelineId;
import io.coppice.common.objectstore.LocalObjectStore;
import io.coppice.common.platform.Clock;
import io.coppice.common.platform.Ids;
import io.coppice.pageserver.tenant.BranchRequest;
import io.coppice.pageserver.tenant.RootImport;
import io.coppice.pageserver.tenant.TenantManager;
import io.coppice.pageserver.tenant.TenantManagerConfig;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Reads that are on their way up through the ancestors of a branch while it is detached. */
@Timeout(60)
final class TraversalTest {
  private static final TenantId TENANT = new TenantId(1, 1);
  private static final TimelineId ROOT = new TimelineId(2, 1);
  private static final Lsn START = new Lsn(0x1000028);

  @TempDir Path directory;
  private TenantManager manager;

  @BeforeEach
  void setUp() throws Exception {
    manager =
        TenantManager.open(
            TenantManagerConfig.defaults(directory.resolve("pageserver")),
            LocalObjectStore.open(directory.resolve("objects"), Ids.secureRandom()),
            Clock.SYSTEM);
    RootImport root =
        new RootImport(TENANT, "acme", ROOT, "main", START, Lsn.INVALID, 15, 42, 16 << 20);
    try (ImageImport running = manager.importRoot(root)) {
      running.put(TimelineKeys.CONTROL_FILE, new byte[] {0, 1}, 0, 2);
      var _ = running.finish();
    }
  }

  @AfterEach
  void tearDown() {
    manager.close();
  }

  private Timeline branch(long number, Timeline parent) throws Exception {
    return manager.createBranch(
        new BranchRequest(
            TENANT,
            new TimelineId(3, number),
            "branch-" + number,
            parent.id().timeline(),
            Optional.empty(),
            1_000));
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void findsTheImagesOfABranchThatWasDetachedMeanwhile(boolean isParentGone) throws Exception {
    Timeline parent = branch(1, manager.timeline(new TenantTimelineId(TENANT, ROOT)));
    Timeline branch = branch(2, parent);
    try (Traversal before = new Traversal(branch, START);
        Traversal beyond = new Traversal(branch, START)) {
      assertThat(stop(beyond, 1).timeline()).isSameAs(parent);
      var _ = manager.detachment().detach(branch.id(), 1_000, () -> {});
      if (isParentGone) {
        manager.deleteBranch(parent.id());
      }
      Traversal.Stop found = stop(before, 1);
      assertThat(found.timeline()).isSameAs(branch);
      assertThat(found.layers().files().newestImageLsn(TimelineKeys.CONTROL_FILE, START))
          .isEqualTo(START);
      assertThat(before.stop(2)).isNull();
    }
    try (Traversal after = new Traversal(branch, START)) {
      assertThat(after.toRoot()).hasSize(1);
    }
  }

  private static Traversal.Stop stop(Traversal traversal, int depth) throws StorageException {
    return requireNonNull(traversal.stop(depth));
  }
}
