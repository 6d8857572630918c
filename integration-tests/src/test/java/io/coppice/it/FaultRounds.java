package io.coppice.it;

import static org.assertj.core.api.Assertions.assertThat;

import io.coppice.common.error.StorageException;
import io.coppice.it.history.ListAppend;
import java.io.IOException;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;

/** Faults under load, one after the other; after each of them the clients' commits must go on. */
final class FaultRounds {
  private static final int COMMITS_PER_ROUND = 30;
  private static final long PROGRESS_MILLIS = 60_000;

  /** Does what a fault is, and ends it. */
  interface Infliction<F> {
    void inflict(F fault) throws StorageException, IOException, InterruptedException, SQLException;
  }

  private final ListAppend load;
  private final long seed;

  FaultRounds(ListAppend load, long seed) {
    this.load = load;
    this.seed = seed;
  }

  /** So many, each kind as often as the others, in random order. */
  <F> void run(int rounds, F[] kinds, Random random, Infliction<F> infliction)
      throws StorageException, IOException, InterruptedException, SQLException {
    awaitProgress("the start");
    List<F> faults = new ArrayList<>();
    for (int i = 0; i < rounds; i++) {
      faults.add(kinds[i % kinds.length]);
    }
    Collections.shuffle(faults, random);
    for (F fault : faults) {
      long start = System.nanoTime();
      int before = load.acknowledgedCount();
      infliction.inflict(fault);
      awaitProgress(fault.toString());
      System.out.printf(
          "%s: %d commits, %.1f s%n",
          fault, load.acknowledgedCount() - before, (System.nanoTime() - start) / 1e9);
    }
  }

  /** Waits until the clients have committed a little more. */
  void awaitProgress(String after) throws InterruptedException {
    assertThat(load.awaitProgress(COMMITS_PER_ROUND, PROGRESS_MILLIS))
        .as("commits after %s with seed %d", after, seed)
        .isTrue();
  }

  /** What must have been committed in so many rounds at least. */
  static long commits(int rounds) {
    return (long) rounds * COMMITS_PER_ROUND;
  }
}
