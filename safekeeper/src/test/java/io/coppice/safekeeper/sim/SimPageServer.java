package io.coppice.safekeeper.sim;

import io.coppice.common.id.Lsn;
import java.util.Optional;
import java.util.random.RandomGenerator;

/**
 * A page server: reads what is committed, makes it durable later, and says so to safekeepers later
 * still. Ended, it goes on from what is durable; lost, it starts from nothing.
 */
final class SimPageServer {
  private static final int READ_SIZE_BYTES = 16 * 1024;
  private static final int PAUSE_MICROS = 1_000;
  private static final int PAUSE_MICROS_SPREAD = 3_000;
  private static final int REPORT_MICROS_SPREAD = 6_000;
  private static final int DOWN_MICROS_SPREAD = 60_000;

  private final World world;
  private final RandomGenerator random;
  private Lsn position;
  private Lsn durable;
  private long downUntil;

  SimPageServer(World world) {
    this.world = world;
    this.random = world.randoms.of("page server");
    this.position = world.properties.startLsn();
    this.durable = position;
  }

  /** Below it nothing is needed any more, but by one that starts from nothing. */
  Lsn durable() {
    return durable;
  }

  void tick() {
    world.later(PAUSE_MICROS + random.nextInt(PAUSE_MICROS_SPREAD), this::tick);
    if (world.faults.strikes(FaultKind.PAGE_SERVER_DOWN, 20_000)) {
      position = durable;
      downUntil = world.nowMicros() + random.nextInt(DOWN_MICROS_SPREAD);
    }
    if (world.faults.strikes(FaultKind.PAGE_SERVER_LOST, 20_000)) {
      position = world.properties.startLsn();
    }
    if (world.nowMicros() < downUntil) {
      return;
    }
    read();
    if (random.nextInt(2) == 0) {
      durable = Lsn.max(durable, position);
    }
    for (SimSafekeeper safekeeper : world.safekeepers) {
      if (random.nextInt(3) == 0) {
        report(safekeeper, durable);
      }
    }
  }

  private void read() {
    SimSafekeeper from = world.safekeepers.get(random.nextInt(world.safekeepers.size()));
    Optional<byte[]> piece = from.readCommitted(position, READ_SIZE_BYTES);
    if (piece.isPresent()) {
      world.oracle.served(from, position, piece.get());
      position = position.plus(piece.get().length);
      world.coverage.mark("read by the page server");
    }
  }

  private void report(SimSafekeeper to, Lsn what) {
    world.later(
        1L + random.nextInt(REPORT_MICROS_SPREAD),
        () -> to.acceptor().ifPresent(acceptor -> acceptor.pageServerHas(what)));
  }
}
