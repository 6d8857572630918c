package io.coppice.safekeeper.sim;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;

/** {@code make sim}: many seeds on all cores, or one, told line by line. */
final class Main {
  private static final long PROGRESS_INTERVAL_SECONDS = 30;

  /** Of a run with a journal: so much may be done again after it was stopped. */
  private static final long SLICE_SIZE = 10_000;

  private Main() {}

  public static void main(String[] arguments) throws InterruptedException, IOException {
    String seed = System.getProperty("seed", "");
    String journal = System.getProperty("journal", "");
    boolean held;
    if (!seed.isEmpty()) {
      held = runOne(Long.parseLong(seed));
    } else if (!journal.isEmpty()) {
      held = runLong(Path.of(journal));
    } else {
      held = runMany();
    }
    System.exit(held ? 0 : 1);
  }

  private static boolean runOne(long seed) {
    Set<Integer> without =
        Arrays.stream(System.getProperty("without", "").split(",", -1))
            .filter(number -> !number.isEmpty())
            .map(Integer::valueOf)
            .collect(Collectors.toSet());
    Schedule schedule = new Schedule(seed, kindsMask(), without, true);
    Simulation.Outcome outcome = Simulation.run(schedule, new Coverage());
    outcome.trace().forEach(System.out::println);
    System.out.printf(
        "%s: hash %016x, %s%n",
        schedule.command(),
        outcome.hash(),
        outcome.held() ? "every invariant held" : outcome.violation());
    return outcome.held();
  }

  private static long kindsMask() {
    String mask = System.getProperty("faults", "");
    return mask.isEmpty() ? Schedule.ALL_KINDS : Long.parseUnsignedLong(mask, 16);
  }

  private static long first() {
    return Long.getLong("first", 0);
  }

  private static long tries() {
    return Long.getLong("tries", 20_000);
  }

  private static int threads() {
    int threads = Runtime.getRuntime().availableProcessors();
    System.out.printf("seeds %d to %d on %d threads%n", first(), first() + tries() - 1, threads);
    return threads;
  }

  private static boolean runMany() throws InterruptedException {
    Batch batch = new Batch(first(), tries(), kindsMask(), threads());
    batch.run(PROGRESS_INTERVAL_SECONDS, System.out::println);
    return tell(batch.coverage(), batch.schedulesPerSecond(), batch.failed());
  }

  private static boolean runLong(Path journal) throws InterruptedException, IOException {
    String code = ClassesHash.ofClassPath();
    LongRun run = new LongRun(journal, code, first(), tries(), SLICE_SIZE, kindsMask(), threads());
    System.out.printf("classes %s, %,d schedules done before%n", code, run.done());
    List<Simulation.Outcome> failed = List.of();
    while (!run.isDone() && failed.isEmpty()) {
      failed = run.runSlice();
      System.out.printf("%,d schedules done%n", run.done());
    }
    return tell(run.coverage(), run.schedulesPerSecond(), failed);
  }

  private static boolean tell(
      Coverage coverage, double schedulesPerSecond, List<Simulation.Outcome> failed) {
    System.out.print(coverage);
    System.out.printf("%,.0f schedules/s%n", schedulesPerSecond);
    if (!failed.isEmpty()) {
      failed.forEach(one -> System.out.println(one.schedule().command() + ": " + one.violation()));
      Simulation.Outcome smallest = new Shrinker().shrink(failed.getFirst());
      System.out.printf(
          "the first needs no more than: %s%n  %s%n",
          smallest.schedule().command(), smallest.violation());
      return false;
    }
    System.out.println("every invariant held");
    return true;
  }
}
