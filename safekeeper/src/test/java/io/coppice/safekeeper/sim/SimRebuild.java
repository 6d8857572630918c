package io.coppice.safekeeper.sim;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.safekeeper.consensus.Creations;
import io.coppice.safekeeper.consensus.RebuildPlan;
import io.coppice.safekeeper.wal.StagedTimeline;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/**
 * A safekeeper gets back from its peers what it has lost, step by step as in production, with
 * everything else going on in between. A try that fails is tried again.
 */
final class SimRebuild {
  private static final int STEP_MICROS_SPREAD = 300;
  private static final int PAUSE_MICROS = 3_000;
  private static final int PIECE_SIZE_BYTES = 16 * 1024;

  private final World world;
  private final SimSafekeeper safekeeper;
  private final RandomGenerator random;
  private final int life;
  private @Nullable StagedTimeline staged;

  SimRebuild(World world, SimSafekeeper safekeeper, int life) {
    this.world = world;
    this.safekeeper = safekeeper;
    this.random = world.randoms.of("rebuild " + safekeeper.node + " " + life);
    this.life = life;
  }

  void start() {
    step(() -> ask(SimSafekeeper::status, this::raise));
  }

  /** Runs {@code action} after a while, if the process still lives. */
  private void step(Runnable action) {
    world.later(
        1L + random.nextInt(STEP_MICROS_SPREAD),
        () -> {
          if (safekeeper.isLife(life)) {
            action.run();
          }
        });
  }

  private void again(String why) {
    world.trace.add("safekeeper %s is not rebuilt: %s", safekeeper.node, why);
    world.later(
        PAUSE_MICROS,
        () -> {
          if (safekeeper.isLife(life)) {
            safekeeper.rebuildEnded(this);
          }
        });
  }

  /** Asks the peers one after the other, and goes on if enough of them have answered. */
  private void ask(
      Function<SimSafekeeper, Optional<RebuildPlan.Peer>> question,
      Consumer<List<RebuildPlan.Peer>> then) {
    ask(0, new ArrayList<>(), question, then);
  }

  private void ask(
      int next,
      List<RebuildPlan.Peer> answers,
      Function<SimSafekeeper, Optional<RebuildPlan.Peer>> question,
      Consumer<List<RebuildPlan.Peer>> then) {
    if (next < world.safekeepers.size()) {
      SimSafekeeper peer = world.safekeepers.get(next);
      if (peer != safekeeper) {
        question.apply(peer).ifPresent(answers::add);
      }
      step(() -> ask(next + 1, answers, question, then));
    } else if (answers.size() < RebuildPlan.answersNeeded(world.safekeepers.size())) {
      again("too few peers answer");
    } else if (answers.stream().map(peer -> peer.state().properties()).distinct().count() > 1) {
      again("the peers do not have the same timeline");
    } else {
      then.accept(answers);
    }
  }

  private void raise(List<RebuildPlan.Peer> found) {
    int generation = RebuildPlan.generationAfter(found);
    int creation = found.getFirst().state().properties().creation();
    if (safekeeper.acceptor().filter(own -> !Creations.isLost(own.state(), creation)).isPresent()) {
      again("it is here");
      return;
    }
    onDisk(safekeeper::giveWay);
    if (!safekeeper.isLife(life)) {
      return;
    }
    ask(
        peer -> peer.raiseGeneration(generation),
        answers -> {
          try {
            RebuildPlan plan = RebuildPlan.of(generation, answers);
            world.trace.add("safekeeper %s: %s", safekeeper.node, plan);
            onDisk(() -> staged = safekeeper.directory().stage(plan.state(), Runnable::run));
            if (staged != null) {
              step(() -> copy(plan));
            }
          } catch (StorageException.Precondition lost) {
            throw new Violation("safekeeper %s".formatted(safekeeper.node), lost);
          }
        });
  }

  private void onDisk(SimSafekeeper.DiskOperation operation) {
    try {
      safekeeper.onDisk(operation);
    } catch (StorageException | IOException failure) {
      again(String.valueOf(failure.getMessage()));
    }
  }

  private SimSafekeeper donorOf(RebuildPlan plan) {
    return world.safekeepers.stream()
        .filter(each -> each.node.equals(plan.donor().node()))
        .findFirst()
        .orElseThrow();
  }

  private void copy(RebuildPlan plan) {
    StagedTimeline into = staged;
    if (into == null) {
      return;
    }
    Lsn at = into.wal().writeLsn();
    if (!at.isBefore(plan.donor().flushLsn())) {
      finish(plan, into);
      return;
    }
    int size = (int) Math.min(PIECE_SIZE_BYTES, plan.donor().flushLsn().minus(at));
    Optional<byte[]> piece = donorOf(plan).readForPeer(at, size);
    if (piece.isEmpty()) {
      again("the donor does not answer");
      return;
    }
    try {
      safekeeper.onDisk(() -> into.wal().write(at, ByteBuffer.wrap(piece.get())));
      step(() -> copy(plan));
    } catch (StorageException | IOException failure) {
      again(String.valueOf(failure.getMessage()));
    }
  }

  private void finish(RebuildPlan plan, StagedTimeline into) {
    Optional<RebuildPlan.Peer> now = donorOf(plan).status();
    if (now.isEmpty() || !plan.isStillOf(now.get())) {
      world.coverage.mark("log was cut while it was copied");
      again("the log was cut meanwhile");
      return;
    }
    onDisk(() -> {
      into.wal().flush();
      if (!into.wal().flushLsn().equals(plan.donor().flushLsn())) {
        throw new Violation("%s was copied up to %s".formatted(plan, into.wal().flushLsn()));
      }
      into.publish(plan.state());
      safekeeper.rebuilt();
    });
  }
}
