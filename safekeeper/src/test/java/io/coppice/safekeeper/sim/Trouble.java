package io.coppice.safekeeper.sim;

import java.util.ArrayList;
import java.util.List;
import java.util.random.RandomGenerator;

/**
 * Makes trouble in chaos, and order in peace. Also the operator who sees to it that a compute runs.
 */
final class Trouble {
  private static final int TICK_MICROS = 300;
  private static final int LONG_MICROS = 40_000;

  private final World world;
  private final RandomGenerator random;
  private final List<SimCompute> computes = new ArrayList<>();
  private int computesMade;

  Trouble(World world) {
    this.world = world;
    this.random = world.randoms.of("operator");
  }

  void begin() {
    startCompute();
    tick();
  }

  /** From now on nothing goes wrong: all safekeepers run, and the newest compute alone. */
  void end() {
    world.safekeepers.forEach(SimSafekeeper::healAll);
    for (int i = 0; i < world.safekeepers.size(); i++) {
      world.network.partition(i, true, true, 0);
    }
    List<SimCompute> all = List.copyOf(computes);
    all.forEach(SimCompute::kill);
    computes.clear();
    startCompute();
  }

  private void startCompute() {
    SimCompute compute = new SimCompute(world, ++computesMade);
    computes.add(compute);
    compute.start();
  }

  private void tick() {
    world.later(TICK_MICROS, this::tick);
    computes.removeIf(SimCompute::isOver);
    if (computes.isEmpty()) {
      startCompute();
    }
    for (SimSafekeeper safekeeper : world.safekeepers) {
      troubleSafekeeper(safekeeper);
    }
    troubleDisks();
    troubleComputes();
    troubleNetwork();
  }

  private void troubleSafekeeper(SimSafekeeper safekeeper) {
    if (safekeeper.isUp() && strikes(FaultKind.KILL, 4_000)) {
      safekeeper.kill();
    }
    if (safekeeper.isUp() && strikes(FaultKind.POWER_LOSS, 4_000)) {
      safekeeper.losePower();
    }
    if (strikes(FaultKind.PAUSE, 3_000)) {
      safekeeper.pause(some(FaultKind.PAUSE));
    }
    if (strikes(FaultKind.SLOW_DISK, 3_000)) {
      safekeeper.slowDown(some(FaultKind.SLOW_DISK));
    }
    if (strikes(FaultKind.DISK_FULL, 3_000)) {
      safekeeper.disk.fill();
      world.later(some(FaultKind.DISK_FULL), safekeeper.disk::heal);
    }
  }

  /** One disk is as much as three safekeepers can bear; the next only when it is made up for. */
  private void troubleDisks() {
    boolean all =
        world.safekeepers.stream()
            .allMatch(each ->
                !each.isDamaged()
                    && world.oracle.log(each).hasPromisedTerm()
                    && each.acceptor()
                        .filter(own -> world.isOfNewestCreation(own.state()))
                        .isPresent());
    if (all && strikes(FaultKind.BIT_FLIP, 10_000)) {
      world.safekeepers.get(someMember()).damage(random);
    } else if (all && strikes(FaultKind.DISK_LOST, 10_000)) {
      world.safekeepers.get(someMember()).loseDisk();
    }
  }

  private void troubleComputes() {
    if (strikes(FaultKind.COMPUTE_KILL, 60_000)) {
      computes.get(random.nextInt(computes.size())).kill();
    }
    if (strikes(FaultKind.COMPUTE_PAUSE, 25_000)) {
      computes.get(random.nextInt(computes.size())).pause(some(FaultKind.COMPUTE_PAUSE));
      startCompute();
    }
    if (computes.size() < 3 && strikes(FaultKind.RIVAL_COMPUTE, 30_000)) {
      startCompute();
    }
    if (strikes(FaultKind.RESET, 10_000)) {
      someCompute().breakConnection(someMember(), false);
    }
    if (strikes(FaultKind.STALE_CONNECTION, 10_000)) {
      someCompute().breakConnection(someMember(), true);
    }
  }

  private void troubleNetwork() {
    if (strikes(FaultKind.PARTITION, 4_000)) {
      world.network.partition(someMember(), true, true, some(FaultKind.PARTITION));
    }
    if (strikes(FaultKind.ONE_WAY_PARTITION, 4_000)) {
      boolean requests = random.nextBoolean();
      world.network.partition(someMember(), requests, !requests, some(FaultKind.ONE_WAY_PARTITION));
    }
  }

  private boolean strikes(FaultKind kind, int perMillion) {
    return world.faults.strikes(kind, perMillion);
  }

  private long some(FaultKind kind) {
    return 1L + world.faults.some(kind, LONG_MICROS);
  }

  private SimCompute someCompute() {
    return computes.get(random.nextInt(computes.size()));
  }

  private int someMember() {
    return random.nextInt(world.safekeepers.size());
  }

  @Override
  public String toString() {
    return computes + ", " + world.safekeepers;
  }
}
