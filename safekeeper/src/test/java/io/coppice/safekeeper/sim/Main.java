package io.coppice.safekeeper.sim;

import java.util.Arrays;
import java.util.Set;
import java.util.stream.Collectors;

/** {@code make sim}: many seeds on all cores, or one, told line by line. */
final class Main {
  private static final long PROGRESS_INTERVAL_SECONDS = 30;

  private Main() {}

  public static void main(String[] arguments) throws InterruptedException {
    String seed = System.getProperty("seed", "");
    boolean held = seed.isEmpty() ? runMany() : runOne(Long.parseLong(seed));
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

  private static boolean runMany() throws InterruptedException {
    long first = Long.getLong("first", 0);
    long tries = Long.getLong("tries", 20_000);
    int threads = Runtime.getRuntime().availableProcessors();
    System.out.printf("seeds %d to %d on %d threads%n", first, first + tries - 1, threads);
    Batch batch = new Batch(first, tries, kindsMask(), threads);
    batch.run(PROGRESS_INTERVAL_SECONDS, System.out::println);
    System.out.print(batch.coverage());
    System.out.printf("%,.0f schedules/s%n", batch.schedulesPerSecond());
    if (!batch.failed().isEmpty()) {
      Simulation.Outcome smallest = new Shrinker().shrink(batch.failed().getFirst());
      System.out.printf(
          "the first needs no more than: %s%n  %s%n",
          smallest.schedule().command(), smallest.violation());
      return false;
    }
    System.out.println("every invariant held");
    return true;
  }
}
