package io.coppice.pageserver.sim;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;

/** Many histories, on some threads; each is in one of them. Stops after a few violations. */
final class Batch {
  static final int OPERATIONS_PER_HISTORY = 250;
  private static final int FAILED_MAX = 5;

  private final long end;
  private final AtomicLong next;
  private final Coverage coverage = new Coverage();
  private final List<Simulation.Outcome> failed = new ArrayList<>();

  /** Seeds from one on, until there are so many operations. */
  Batch(long firstSeed, long operations) {
    next = new AtomicLong(firstSeed);
    end = firstSeed + (operations + OPERATIONS_PER_HISTORY - 1) / OPERATIONS_PER_HISTORY;
  }

  void run(int threads) throws InterruptedException {
    List<Thread> workers = new ArrayList<>();
    for (int i = 0; i < threads; i++) {
      workers.add(Thread.ofPlatform().name("simulation-" + i).start(this::work));
    }
    for (Thread worker : workers) {
      worker.join();
    }
  }

  private void work() {
    Coverage own = new Coverage();
    for (long seed = next.getAndIncrement(); seed < end; seed = next.getAndIncrement()) {
      try {
        Simulation.Outcome outcome = Simulation.run(seed, OPERATIONS_PER_HISTORY, own);
        if (!outcome.held() && addFailed(outcome) >= FAILED_MAX) {
          next.set(end);
        }
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
    synchronized (this) {
      coverage.add(own);
    }
  }

  private synchronized int addFailed(Simulation.Outcome outcome) {
    failed.add(outcome);
    return failed.size();
  }

  synchronized Coverage coverage() {
    return coverage;
  }

  synchronized List<Simulation.Outcome> failed() {
    return List.copyOf(failed);
  }
}
