package io.coppice.safekeeper.server;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.common.rpc.HostPort;
import io.coppice.proto.v1.DamagedBlock;
import io.coppice.proto.v1.ScrubResponse;
import io.coppice.proto.v1.StreamWalResponse;
import io.coppice.safekeeper.client.SafekeeperClient;
import io.coppice.safekeeper.client.WalDownload;
import io.coppice.safekeeper.consensus.DiskFailure;
import io.coppice.safekeeper.wal.BlockRepair;
import io.coppice.safekeeper.wal.DataDirectory;
import io.coppice.safekeeper.wal.WalScrub;
import io.grpc.stub.ServerCallStreamObserver;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.List;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A scrub that was asked for: checks everything as fast as the disk goes, tells what is damaged,
 * and repairs it with the WAL of other safekeepers if some are named. One thread.
 */
final class ScrubRun {
  private static final Logger log = LoggerFactory.getLogger(ScrubRun.class);

  /** So often the caller hears how far it is. */
  private static final long PROGRESS_BLOCKS = 8_192;

  private final TimelineRegistry registry;
  private final DataDirectory directory;
  private final List<HostPort> repairFrom;
  private final ServerCallStreamObserver<ScrubResponse> out;
  private long blocksChecked;

  ScrubRun(
      TimelineRegistry registry,
      DataDirectory directory,
      List<HostPort> repairFrom,
      ServerCallStreamObserver<ScrubResponse> out) {
    this.registry = registry;
    this.directory = directory;
    this.repairFrom = repairFrom;
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
      if (!repairFrom.isEmpty()) {
        String problem =
            block.getKey().isValid() && target.isPresent()
                ? repair(target.get(), block.getKey())
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

  /** Tries one safekeeper after the other; returns why none would do, or nothing. */
  private String repair(ScrubTarget target, Lsn block)
      throws IOException, InterruptedException, DiskFailure {
    String problem = "";
    for (HostPort address : repairFrom) {
      try (SafekeeperClient peer = SafekeeperClient.open(address)) {
        BlockRepair repair = directory.newRepair(target.properties(), block, target.commitLsn());
        repair.apply(download(peer, target.properties().id(), repair.from(), repair.to()));
        return "";
      } catch (StorageException refused) {
        problem = "%s: %s".formatted(address, refused.getMessage());
      }
    }
    return problem;
  }

  private static byte[] download(SafekeeperClient peer, TenantTimelineId id, Lsn from, Lsn to)
      throws StorageException, IOException, InterruptedException {
    ByteArrayOutputStream wal = new ByteArrayOutputStream();
    try (WalDownload download = peer.downloadFlushed(id, from, to)) {
      for (Optional<StreamWalResponse> piece = download.next();
          piece.isPresent() && wal.size() < to.minus(from);
          piece = download.next()) {
        piece.get().getData().writeTo(wal);
      }
    }
    return wal.toByteArray();
  }

  private void send(DamagedBlock damage) {
    out.onNext(
        ScrubResponse.newBuilder().setBlocksChecked(blocksChecked).setDamaged(damage).build());
  }

  private void progress() {
    out.onNext(ScrubResponse.newBuilder().setBlocksChecked(blocksChecked).build());
  }
}
