package io.coppice.pageserver.process;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.TimelineId;
import io.coppice.common.platform.Clock;
import io.coppice.pageserver.gc.Cutoff;
import io.coppice.pageserver.gc.GcSettings;
import io.coppice.pageserver.gc.Leases;
import io.coppice.pageserver.maintenance.LayerEviction;
import io.coppice.pageserver.tenant.BranchRequest;
import io.coppice.pageserver.tenant.GarbageCollection;
import io.coppice.pageserver.timeline.LayerInfo;
import io.coppice.pageserver.timeline.Timeline;
import io.coppice.pageserver.timeline.UpkeepLimits;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Whatever becomes of layers, all pages of a branch and of its parent are those that stock Postgres
 * has on its disk, as of each of several moments: in memory, flushed, compacted, as images, after
 * garbage collection, got back from a bucket of an S3 server, and on an empty disk.
 */
@Tag("process")
@Timeout(value = 600, unit = TimeUnit.SECONDS)
final class LayerChangesTest {
  private static final long OPEN_LAYER_SIZE_BYTES_MAX = 1 << 19;
  private static final int NEVER = 1_000;
  private static final UpkeepLimits AS_FLUSHED = limits(NEVER, NEVER);
  private static final UpkeepLimits COMPACTED = limits(2, NEVER);
  private static final UpkeepLimits WITH_IMAGES = limits(2, 1);
  private static final LayerEviction.Limits NOTHING_STAYS = new LayerEviction.Limits(1, 0);
  private static final TimelineId SIDE = new TimelineId(1, 3);
  private static final long FLUSH_MILLIS = 60_000;

  /** What a stopped server had on its disk when its log ended. */
  private record Moment(TimelineId branch, Lsn lsn, Path files) {}

  /** Time that can be sent ahead. */
  private static final class PushedClock implements Clock {
    private Duration ahead = Duration.ZERO;

    @Override
    public Instant now() {
      return Clock.SYSTEM.now().plus(ahead);
    }

    @Override
    public long monotonicNanos() {
      return Clock.SYSTEM.monotonicNanos() + ahead.toNanos();
    }
  }

  @TempDir Path directory;
  private final PushedClock clock = new PushedClock();
  private final List<Moment> moments = new ArrayList<>();

  /** How many of them were partly in memory when they were compared first. */
  private int momentsInMemory;

  private static UpkeepLimits limits(int compactionThreshold, int imageThreshold) {
    return new UpkeepLimits(compactionThreshold, 2 * NEVER, NEVER, 1 << 20, imageThreshold);
  }

  @Test
  void pagesStayThoseOfPostgresWhateverBecomesOfLayers() throws Exception {
    try (BucketBranches branches =
        new BucketBranches(directory, clock, OPEN_LAYER_SIZE_BYTES_MAX)) {
      branches.open(AS_FLUSHED);
      try (Postgres main = start(branches)) {
        LayerLoad.create(main);
        runAndTake(branches, Branches.ROOT, main, 1);
        runAndTake(branches, Branches.ROOT, main, 2);
        try (Postgres side = branchOff(branches)) {
          runAndTake(branches, SIDE, side, 3);
          changeLayers(branches);
          runAndTake(branches, SIDE, side, 4);
        }
        runAndTake(branches, Branches.ROOT, main, 5);
        runAndTake(branches, Branches.ROOT, main, 6);
      }
      assertThat(momentsInMemory).as("moments compared from memory").isPositive();
      changeLayers(branches);
      collectGarbage(branches);
      evict(branches);
      forgetTheDisk(branches);
    }
  }

  private Postgres start(BucketBranches branches) throws Exception {
    Timeline root;
    try (Postgres initial = new Postgres(directory.resolve("initial"))) {
      initial.initdb();
      root = branches.importDirectory(initial.directory());
    }
    return branches.restore(root, root.startLsn(), directory.resolve("main"));
  }

  private Postgres branchOff(BucketBranches branches) throws Exception {
    Lsn lsn = moments.getLast().lsn();
    Timeline side =
        branches
            .tenants()
            .createBranch(
                new BranchRequest(
                    Branches.TENANT, SIDE, "side", Branches.ROOT, Optional.of(lsn), 0));
    return branches.restore(side, lsn, directory.resolve("side"));
  }

  /** Another round of work on a branch; then its newest pages, some of them still in memory. */
  private void runAndTake(BucketBranches branches, TimelineId id, Postgres server, int round)
      throws Exception {
    Timeline timeline = branches.timeline(id);
    server.start("full_page_writes=off");
    LayerLoad.run(server, round);
    server.stop();
    assertThat(Branches.ingest(timeline, server)).isGreaterThan(1_000);
    Path copy = directory.resolve("moment-" + round);
    server.copyWithoutLogAndTemplates(copy);
    moments.add(new Moment(id, timeline.lastRecordLsn(), copy));
    // A layer that the last records filled is being written already.
    if (timeline.layerStatistics().openSizeBytes() > 0) {
      momentsInMemory++;
    }
    PagesOnDisk.assertEqual(timeline, server);
  }

  private void compareAll(BucketBranches branches) throws Exception {
    for (Moment moment : moments) {
      PagesOnDisk.assertEqual(branches.timeline(moment.branch()), moment.lsn(), moment.files());
    }
  }

  private void changeLayers(BucketBranches branches) throws Exception {
    for (Timeline timeline : branches.timelines()) {
      timeline.flush(FLUSH_MILLIS);
      assertThat(timeline.layerStatistics().level0Count()).isGreaterThan(1);
    }
    compareAll(branches);

    double compacted = branches.count("coppice_pageserver_compacted_layers");
    branches.reopen(COMPACTED);
    branches.finishUpkeep();
    for (Timeline timeline : branches.timelines()) {
      assertThat(timeline.layerStatistics().level0Count()).isLessThan(2);
    }
    assertThat(branches.count("coppice_pageserver_compacted_layers")).isGreaterThan(compacted + 3);
    compareAll(branches);

    double images = branches.count("coppice_pageserver_image_layers");
    branches.reopen(WITH_IMAGES);
    branches.finishUpkeep();
    assertThat(branches.count("coppice_pageserver_image_layers")).isGreaterThan(images + 1);
    for (Timeline timeline : branches.timelines()) {
      assertThat(timeline.layers()).anyMatch(layer -> layer.kind() == LayerInfo.Kind.IMAGE);
    }
    compareAll(branches);
    // What comes next is not compacted before it was looked at.
    branches.reopen(AS_FLUSHED);
  }

  /**
   * The branch keeps its moments, the parent its last two and the point where the branch begins.
   */
  private void collectGarbage(BucketBranches branches) throws Exception {
    clock.ahead = clock.ahead.plus(Leases.DURATION);
    List<Moment> ofSide = momentsOf(SIDE);
    assertThat(cutOff(branches, SIDE, ofSide.getFirst()).failure()).isEmpty();
    List<Moment> ofMain = momentsOf(Branches.ROOT);
    Moment kept = ofMain.get(ofMain.size() - 2);
    GarbageCollection.Report report = cutOff(branches, Branches.ROOT, kept);
    assertThat(report.failure()).isEmpty();
    assertThat(report.layers()).isGreaterThan(3);
    branches.finishUpkeep();
    Timeline main = branches.timeline(Branches.ROOT);
    for (Moment gone : ofMain.subList(0, ofMain.size() - 2)) {
      assertThatThrownBy(() -> PagesOnDisk.assertEqual(main, gone.lsn(), gone.files()))
          .isInstanceOf(StorageException.Precondition.class)
          .hasMessageContaining(kept.lsn().toString());
      moments.remove(gone);
    }
    compareAll(branches);
  }

  private List<Moment> momentsOf(TimelineId branch) {
    return moments.stream().filter(moment -> moment.branch().equals(branch)).toList();
  }

  /** Lets go of what is older than a moment. */
  private static GarbageCollection.Report cutOff(
      BucketBranches branches, TimelineId branch, Moment oldest) throws Exception {
    long horizon = branches.timeline(branch).lastRecordLsn().value() - oldest.lsn().value();
    GarbageCollection.Report report =
        branches
            .tenants()
            .garbage()
            .run(
                Branches.TENANT, Optional.of(branch), new GcSettings(Duration.ZERO, horizon), false)
            .getFirst();
    assertThat(report.cutoff()).isEqualTo(new Cutoff(oldest.lsn(), Cutoff.Reason.HORIZON));
    return report;
  }

  private void evict(BucketBranches branches) throws Exception {
    double before = branches.count("coppice_pageserver_layer_downloads");
    branches.tenants().eviction(NOTHING_STAYS, branches.registry()).run();
    assertThat(localFiles(branches)).isZero();
    compareAll(branches);
    assertThat(branches.count("coppice_pageserver_layer_downloads")).isGreaterThan(before + 3);
  }

  private void forgetTheDisk(BucketBranches branches) throws Exception {
    double before = branches.count("coppice_pageserver_layer_downloads");
    branches.reopenOnEmptyDisk(WITH_IMAGES);
    assertThat(localFiles(branches)).isZero();
    compareAll(branches);
    assertThat(branches.count("coppice_pageserver_layer_downloads")).isGreaterThan(before + 3);
  }

  private static long localFiles(BucketBranches branches) throws Exception {
    try (Stream<Path> files = Files.walk(branches.layersDirectory())) {
      return files.filter(Files::isRegularFile).count();
    }
  }
}
