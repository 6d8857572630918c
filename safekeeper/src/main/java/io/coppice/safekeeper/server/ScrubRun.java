package io.coppice.safekeeper.server;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.proto.v1.DamagedBlock;
import io.coppice.proto.v1.ScrubResponse;
import io.coppice.safekeeper.consensus.DiskFailure;
import io.coppice.safekeeper.wal.DataDirectory;
import io.coppice.safekeeper.wal.WalScrub;
import io.grpc.stub.ServerCallStreamObserver;
import java.io.IOException;
import java.util.List;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A scrub that was asked for: checks everything as fast as the disk goes, tells what is damaged,
 * and repairs it if that is asked for. One thread.
 */
final class ScrubRun {
  private static final Logger log = LoggerFactory.getLogger(ScrubRun.class);

  /** So often the caller hears how far it is. */
  private static final long PROGRESS_BLOCKS = 8_192;

  private final TimelineRegistry registry;
  private final DataDirectory directory;
  private final Optional<BlockRepairs> repairs;
  private final ServerCallStreamObserver<ScrubResponse> out;
  private long blocksChecked;

  ScrubRun(
      TimelineRegistry registry,
      DataDirectory directory,
      Optional<BlockRepairs> repairs,
      ServerCallStreamObserver<ScrubResponse> out) {
    this.registry = registry;
    this.directory = directory;
    this.repairs = repairs;
    this.out = out;
  }

  /** Checks these timelines; the last answer has the total. */
  void run(List<TenantTimelineId> timelines)
      throws StorageException, IOException, InterruptedException, DiskFailure {
    for (TenantTimelineId id : timelines) {
      if (out.isCancelled()) {
        return;
      }
      registry.checkTail(id);
      Optional<ScrubTarget> target = registry.scrubTarget(id);
      if (target.isPresent()) {
        scrub(target.get());
      }
      report(id, target);
    }
    progress();
  }

  private void scrub(ScrubTarget target) throws IOException {
    try (WalScrub scrub = directory.newScrub(target.properties(), target.from(), target.end())) {
      long before = blocksChecked;
      long told = before;
      while (!scrub.isDone() && !out.isCancelled()) {
        var _ = scrub.step();
        blocksChecked = before + scrub.blocksChecked();
        if (blocksChecked - told >= PROGRESS_BLOCKS) {
          told = blocksChecked;
          progress();
        }
      }
    }
  }

  private void report(TenantTimelineId id, Optional<ScrubTarget> target)
      throws IOException, InterruptedException, DiskFailure {
    for (var block : directory.damagedBlocks(id).entrySet()) {
      DamagedBlock.Builder damage =
          DamagedBlock.newBuilder()
              .setTenantId(id.tenant().toString())
              .setTimelineId(id.timeline().toString())
              .setLsn(block.getKey().value())
              .setProblem(block.getValue());
      log.error("timeline {}: {}", id, block.getValue());
      if (repairs.isPresent()) {
        String problem =
            block.getKey().isValid() && target.isPresent()
                ? repairs.get().repair(target.get(), block.getKey())
                : "the timeline cannot be opened; have it rebuilt";
        damage.setRepaired(problem.isEmpty()).setRepairProblem(problem);
        log.warn(
            "timeline {}: block at {} {}",
            id,
            block.getKey(),
            problem.isEmpty() ? "is repaired" : "cannot be repaired: " + problem);
      }
      send(damage.build());
    }
  }

  private void send(DamagedBlock damage) {
    out.onNext(
        ScrubResponse.newBuilder().setBlocksChecked(blocksChecked).setDamaged(damage).build());
  }

  private void progress() {
    out.onNext(ScrubResponse.newBuilder().setBlocksChecked(blocksChecked).build());
  }
}
