package io.coppice.safekeeper.server;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.common.rpc.HostPort;
import io.coppice.safekeeper.consensus.DiskFailure;
import io.coppice.safekeeper.wal.DataDirectory;
import java.io.IOException;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Executor;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The rebuilds of timelines on this node, of which a few may be under way at one time. */
final class TimelineRebuilds {
  private static final Logger log = LoggerFactory.getLogger(TimelineRebuilds.class);
  private static final int REBUILDS_MAX = 4;
  private static final long CLOSE_TIMEOUT_SECONDS = 30;

  private final TimelineRegistry registry;
  private final DataDirectory directory;
  private final Executor creator;
  private final Consumer<Throwable> onFatal;
  private final Semaphore room = new Semaphore(REBUILDS_MAX);

  /** Whom the rebuilds that are under way ask. */
  private final Set<Peers> asked = new HashSet<>();

  private boolean closed;

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
          "safekeeper %s is rebuilding %d timelines already, or stopping"
              .formatted(registry.node(), REBUILDS_MAX));
    }
    try {
      registry.startRebuild(id);
      try (Peers peers = Peers.open(registry.node(), addresses)) {
        begin(peers);
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

  private synchronized void begin(Peers peers) throws StorageException.Transient {
    if (closed) {
      throw new StorageException.Transient("safekeeper %s is stopping".formatted(registry.node()));
    }
    asked.removeIf(Peers::isClosed);
    asked.add(peers);
  }

  /**
   * Ends those that are under way, by ending their calls, and waits until they have: the data
   * directory is somebody else's after this. No thread is interrupted, as that would close files
   * that are being written, which is a failure of the disk.
   */
  void close() {
    synchronized (this) {
      closed = true;
      asked.forEach(Peers::close);
    }
    try {
      if (!room.tryAcquire(REBUILDS_MAX, CLOSE_TIMEOUT_SECONDS, TimeUnit.SECONDS)) {
        log.warn("safekeeper {}: a rebuild did not end in time", registry.node());
      }
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
    }
  }
}
