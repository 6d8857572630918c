package io.coppice.safekeeper.sim;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.safekeeper.backup.SegmentBackup;
import io.coppice.safekeeper.consensus.Acceptor;
import io.coppice.safekeeper.consensus.DiskFailure;
import io.coppice.safekeeper.consensus.WalRemoval;
import io.coppice.safekeeper.wal.TimelineStorage;
import io.coppice.testsupport.disk.PowerLost;
import java.io.IOException;
import java.util.random.RandomGenerator;

/**
 * Brings the WAL of one process's timeline to the object store, and removes what is old, step by
 * step as in production, with everything else going on in between.
 */
final class SimBackup {
  private static final int PAUSE_MICROS = 1_500;
  private static final int PAUSE_MICROS_SPREAD = 3_000;
  private static final int STEP_MICROS_SPREAD = 200;
  private static final int SLOW_MICROS_SPREAD = 60_000;

  /** Time is counted in microseconds, also where production counts milliseconds. */
  private static final int GRACE = 3_000;

  private final World world;
  private final SimSafekeeper safekeeper;
  private final RandomGenerator random;
  private final int life;
  private final TimelineStorage storage;
  private final Acceptor acceptor;
  private final SegmentBackup segments;

  SimBackup(
      World world, SimSafekeeper safekeeper, int life, TimelineStorage storage, Acceptor acceptor) {
    this.world = world;
    this.safekeeper = safekeeper;
    this.random = world.randoms.of("backup " + safekeeper.node + " " + life);
    this.life = life;
    this.storage = storage;
    this.acceptor = acceptor;
    this.segments = new SegmentBackup(world.store, storage, safekeeper.node, GRACE);
  }

  void start() {
    later(PAUSE_MICROS + random.nextInt(PAUSE_MICROS_SPREAD), this::run);
  }

  private interface Step {
    void run() throws StorageException, IOException, DiskFailure;
  }

  /** Runs {@code step} after a while, unless the process has ended by then. */
  private void later(long micros, Step step) {
    boolean slow = world.faults.strikes(FaultKind.STORE_SLOW, 30_000);
    world.later(
        slow ? micros + random.nextInt(SLOW_MICROS_SPREAD) : micros,
        () -> {
          if (!safekeeper.isLife(life) || !safekeeper.isRunning(acceptor)) {
            return;
          }
          if (safekeeper.pausedMicros() > 0) {
            later(safekeeper.pausedMicros(), step);
            return;
          }
          try {
            step.run();
          } catch (PowerLost _) {
            safekeeper.endInOperation();
          } catch (DiskFailure _) {
            safekeeper.kill();
          } catch (StorageException.Corrupt found) {
            safekeeper.foundDamage(found);
          } catch (StorageException | IOException failure) {
            start();
          }
        });
  }

  private void run() throws StorageException, IOException, DiskFailure {
    switch (segments.step(acceptor.state(), world.nowMicros())) {
      case SegmentBackup.Outcome.Idle _, SegmentBackup.Outcome.Wait _ -> remove();
      case SegmentBackup.Outcome.Again _ -> later(random.nextInt(STEP_MICROS_SPREAD), this::run);
      case SegmentBackup.Outcome.BackedUp(var lsn) -> {
        acceptor.backedUp(lsn);
        later(random.nextInt(STEP_MICROS_SPREAD), this::remove);
      }
    }
  }

  private void remove() throws DiskFailure {
    Lsn before = acceptor.state().retention().localStartLsn();
    if (WalRemoval.keepFrom(acceptor.state()).isAfter(before)) {
      Lsn localStart = acceptor.giveUpOldWal();
      world.oracle.gaveUp(safekeeper);
      later(random.nextInt(STEP_MICROS_SPREAD), () -> delete(localStart));
    } else {
      start();
    }
  }

  private void delete(Lsn localStart) throws IOException {
    storage.removeBefore(localStart);
    world.coverage.mark("old WAL was removed");
    world.oracle.gaveUp(safekeeper);
    start();
  }
}
