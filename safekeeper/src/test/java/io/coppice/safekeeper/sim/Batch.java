package io.coppice.safekeeper.sim;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;

/** Many seeds, on some threads; each schedule is in one of them. Stops after a few violations. */
final class Batch {
  private static final int FAILED_MAX = 10;

  private final long first;
  private final long end;
  private final int threads;
  private final int failedMax;
  private final long kindsMask;
  private final AtomicLong next;
  private final Coverage coverage = new Coverage();
  private final List<Simulation.Outcome> failed = new ArrayList<>();
  private double seconds;

  Batch(long first, long tries, long kindsMask, int threads) {
    this(first, tries, kindsMask, threads, FAILED_MAX);
  }

  /**
   * One that stops after {@code failedMax} violations. Those that others were at then are ended,
   * too: of the seeds before the first that failed, all have held.
   */
  Batch(long first, long tries, long kindsMask, int threads, int failedMax) {
    this.failedMax = failedMax;
    this.first = first;
    this.end = first + tries;
    this.threads = threads;
    this.kindsMask = kindsMask;
    this.next = new AtomicLong(first);
  }

  void run() throws InterruptedException {
    run(Long.MAX_VALUE / 1_000, _ -> {});
  }

  void run(long progressIntervalSeconds, Consumer<String> progress) throws InterruptedException {
    long begun = System.nanoTime();
    List<Thread> workers = new ArrayList<>();
    for (int i = 0; i < threads; i++) {
      workers.add(Thread.ofPlatform().name("simulation-" + i).start(() -> work(progress)));
    }
    for (Thread worker : workers) {
      while (!worker.join(Duration.ofSeconds(progressIntervalSeconds))) {
        progress.accept("%,d schedules begun".formatted(Math.min(next.get(), end) - first));
      }
    }
    seconds = (System.nanoTime() - begun) / 1e9;
  }

  private void work(Consumer<String> progress) {
    Coverage own = new Coverage();
    for (long seed = next.getAndIncrement(); seed < end; seed = next.getAndIncrement()) {
      Simulation.Outcome outcome = Simulation.run(Schedule.of(seed).withKinds(kindsMask), own);
      if (!outcome.held()) {
        progress.accept(outcome.schedule().command() + ": " + outcome.violation());
        if (addFailed(outcome) >= failedMax) {
          next.set(end);
        }
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

  double seconds() {
    return seconds;
  }

  double schedulesPerSecond() {
    return coverage().schedules() / seconds;
  }
}
