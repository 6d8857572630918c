package io.coppice.safekeeper.server;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.common.rpc.HostPort;
import io.coppice.safekeeper.consensus.DiskFailure;
import io.coppice.safekeeper.wal.DataDirectory;
import java.io.IOException;
import java.util.List;
import java.util.concurrent.Executor;
import java.util.concurrent.Semaphore;
import java.util.function.Consumer;

/** The rebuilds of timelines on this node, of which a few may be under way at one time. */
final class TimelineRebuilds {
  private static final int REBUILDS_MAX = 4;

  private final TimelineRegistry registry;
  private final DataDirectory directory;
  private final Executor creator;
  private final Consumer<Throwable> onFatal;
  private final Semaphore room = new Semaphore(REBUILDS_MAX);

  TimelineRebuilds(
      TimelineRegistry registry,
      DataDirectory directory,
      Executor creator,
      Consumer<Throwable> onFatal) {
    this.registry = registry;
    this.directory = directory;
    this.creator = creator;
    this.onFatal = onFatal;
  }

  /**
   * Rebuilds a timeline and takes part in it again. Takes as long as its WAL takes to be copied.
   *
   * @param addresses of all the other safekeepers
   * @param replace also if it is here: what is here is put aside first, for good
   */
  TimelineSnapshot rebuild(TenantTimelineId id, List<HostPort> addresses, boolean replace)
      throws StorageException, IOException {
    if (!room.tryAcquire()) {
      throw new StorageException.Transient(
          "safekeeper %s is rebuilding %d timelines already"
              .formatted(registry.node(), REBUILDS_MAX));
    }
    try {
      registry.startRebuild(id);
      try (Peers peers = Peers.open(registry.node(), addresses)) {
        new TimelineRebuild(id, peers, registry, directory, creator, replace).run();
      } finally {
        registry.endRebuild(id);
      }
      TimelineSnapshot rebuilt = registry.open(id).snapshot();
      directory.forgetReplaced(id);
      return rebuilt;
    } catch (DiskFailure failure) {
      onFatal.accept(failure);
      throw new StorageException.Transient("safekeeper stops: " + failure.getMessage(), failure);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new StorageException.Transient("interrupted while rebuilding timeline " + id, e);
    } finally {
      room.release();
    }
  }
}
