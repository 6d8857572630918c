package io.coppice.pageserver.sim;

import java.io.IOException;

/** {@code make sim-storage}: many histories on all cores, or one, told line by line. */
final class Main {
  private Main() {}

  public static void main(String[] arguments) throws InterruptedException, IOException {
    String seed = System.getProperty("seed", "");
    boolean held = seed.isEmpty() ? runMany() : runOne(Long.parseLong(seed));
    System.exit(held ? 0 : 1);
  }

  private static boolean runOne(long seed) throws IOException {
    Simulation.Outcome outcome = Simulation.run(seed, Batch.OPERATIONS_PER_HISTORY, new Coverage());
    outcome.trace().forEach(System.out::println);
    Throwable violation = outcome.violation();
    if (violation != null) {
      violation.printStackTrace();
    }
    System.out.printf(
        "seed %d: hash %016x, %s%n",
        seed, outcome.hash(), violation == null ? "every answer was right" : violation);
    return outcome.held();
  }

  private static boolean runMany() throws InterruptedException {
    long first = Long.getLong("first", 0);
    long operations = Long.getLong("ops", 100_000);
    int threads = Runtime.getRuntime().availableProcessors();
    System.out.printf("%,d operations from seed %d on, %d threads%n", operations, first, threads);
    long begun = System.nanoTime();
    Batch batch = new Batch(first, operations);
    batch.run(threads);
    System.out.print(batch.coverage());
    System.out.printf(
        "%,.0f operations/s%n",
        batch.coverage().operations() / ((System.nanoTime() - begun) / 1e9));
    for (Simulation.Outcome failed : batch.failed()) {
      System.out.printf("%s: %s%n", failed.command(), failed.violation());
    }
    Marks.missing(batch.coverage()).forEach(mark -> System.out.println("never seen: " + mark));
    return batch.failed().isEmpty() && Marks.missing(batch.coverage()).isEmpty();
  }
}
