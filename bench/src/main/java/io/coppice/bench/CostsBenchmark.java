package io.coppice.bench;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.compute.postgres.DirectoryTrees;
import io.coppice.pageserver.timeline.Timeline;
import io.coppice.pageserver.timeline.UpkeepLimits;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

/**
 * What one read of a page costs, warm, as each of four things grows: ancestors, branches, history
 * and size. Plots lines into {@code docs/benchmarks}; the figures are of the last point, beside the
 * first one.
 */
final class CostsBenchmark implements Benchmark {
  private static final Path PLOTS = Path.of("docs", "benchmarks");
  private static final int PAGES = 4_096;
  private static final int PAGES_PER_LEVEL = 64;
  private static final int PAGES_PER_MEGABYTE = (1 << 20) / 8192;

  private static final int[] DEPTHS = {1, 2, 5, 10, 20, 50};
  private static final int[] BRANCHES = {1, 10, 100, 1_000, 10_000};
  private static final int BRANCHES_MAX = 1_000;
  private static final int[] FLUSHES = {1, 2, 5, 10, 20, 50, 100};
  private static final int[] MEGABYTES = {100, 300, 1_000, 2_000, 5_000, 10_000};
  private static final int MEGABYTES_MAX = 2_000;

  /** Where figures go, and the directory for plots. */
  private record Output(Report report, Path plots) {}

  /** The points of one line so far. */
  private record Line(String name, List<LinePlot.Point> points) {
    Line(String name) {
      this(name, new ArrayList<>());
    }

    void add(double x, ReadTimes times) {
      points.add(new LinePlot.Point(x, times.medianMicros()));
      System.err.printf("  %s at %.0f: %s%n", name, x, times);
    }

    LinePlot.Series series() {
      return new LinePlot.Series(name, points);
    }
  }

  @Override
  public void run(Workspace workspace, Report report)
      throws BenchFailure, StorageException, IOException, InterruptedException {
    boolean tiny = workspace.options().isTiny();
    boolean large = workspace.options().isLarge();
    // Figures that mean nothing are not published.
    Output output = new Output(report, tiny ? workspace.newDirectory("plots") : PLOTS);
    Files.createDirectories(output.plots());
    depth(workspace.newDirectory("depth"), output);
    branches(workspace.newDirectory("branches"), output, tiny ? 10 : large ? 10_000 : BRANCHES_MAX);
    history(workspace.newDirectory("history"), output, tiny ? 10 : 100);
    size(workspace, output, tiny ? 100 : large ? 10_000 : MEGABYTES_MAX);
  }

  private static void depth(Path directory, Output output)
      throws StorageException, IOException, InterruptedException {
    Line line = new Line("read by ancestors");
    Line changed = new Line("of pages that the branch changed");
    try (CostStore store = new CostStore(directory, UpkeepLimits.DEFAULTS)) {
      Timeline deepest = store.importPages(PAGES);
      SplittableRandom random = new SplittableRandom(1);
      int depth = 0;
      for (int wanted : DEPTHS) {
        for (; depth < wanted; depth++) {
          deepest = store.branch(deepest);
          int from = random.nextInt(PAGES - PAGES_PER_LEVEL);
          store.changeAndFlush(deepest, from, from + PAGES_PER_LEVEL);
        }
        store.changeAndFlush(deepest, 0, PAGES_PER_LEVEL);
        Timeline branch = deepest;
        Lsn lsn = branch.lastRecordLsn();
        line.add(wanted, ReadTimes.of(r -> CostStore.readNanos(branch, r.nextInt(PAGES), lsn)));
        changed.add(
            wanted,
            ReadTimes.of(r -> CostStore.readNanos(branch, r.nextInt(PAGES_PER_LEVEL), lsn)));
      }
    }
    finish(
        output, "read-depth", "Reads of a page, by depth of ancestry", "ancestors", line, changed);
  }

  private static void branches(Path directory, Output output, int most)
      throws StorageException, IOException, InterruptedException {
    Line line = new Line("read by branches");
    try (CostStore store = new CostStore(directory, UpkeepLimits.DEFAULTS)) {
      Timeline root = store.importPages(PAGES);
      List<Timeline> made = new ArrayList<>();
      for (int wanted : BRANCHES) {
        if (wanted > most) {
          break;
        }
        while (made.size() < wanted) {
          made.add(store.branch(root));
        }
        Lsn lsn = root.lastRecordLsn();
        line.add(
            wanted,
            ReadTimes.of(
                r -> CostStore.readNanos(made.get(r.nextInt(made.size())), r.nextInt(PAGES), lsn)));
      }
    }
    finish(output, "read-branches", "Reads of a page, by number of branches", "branches", line);
  }

  /** Each flush has a change of each page; compaction and images keep up, as they do by default. */
  private static void history(Path directory, Output output, int most)
      throws StorageException, IOException, InterruptedException {
    Line newest = new Line("read of the newest state by history");
    Line any = new Line("of any state");
    try (CostStore store = new CostStore(directory, UpkeepLimits.DEFAULTS)) {
      Timeline root = store.importPages(PAGES);
      List<Lsn> states = new ArrayList<>(List.of(root.lastRecordLsn()));
      for (int wanted : FLUSHES) {
        if (wanted > most) {
          break;
        }
        while (states.size() <= wanted) {
          store.changeAndFlush(root, 0, PAGES);
          states.add(root.lastRecordLsn());
          CostStore.finishUpkeep(root);
        }
        newest.add(
            wanted,
            ReadTimes.of(r -> CostStore.readNanos(root, r.nextInt(PAGES), states.getLast())));
        any.add(
            wanted,
            ReadTimes.of(r ->
                CostStore.readNanos(root, r.nextInt(PAGES), states.get(r.nextInt(states.size())))));
      }
    }
    finish(
        output,
        "read-history",
        "Reads of a page, by length of history",
        "layers flushed, each with a change of each page",
        newest,
        any);
  }

  private static void size(Workspace workspace, Output output, int most)
      throws StorageException, IOException, InterruptedException {
    Line line = new Line("read by size");
    for (int megabytes : MEGABYTES) {
      if (megabytes > most) {
        break;
      }
      Path directory = workspace.newDirectory("size");
      int pages = megabytes * PAGES_PER_MEGABYTE;
      try (CostStore store = new CostStore(directory, UpkeepLimits.DEFAULTS)) {
        Timeline root = store.importPages(pages);
        Lsn lsn = root.lastRecordLsn();
        // The same number of pages, all over the table, so that caches help as much.
        int step = pages / PAGES;
        line.add(
            megabytes / 1_000.0,
            ReadTimes.of(r -> CostStore.readNanos(root, r.nextInt(PAGES) * step, lsn)));
      }
      DirectoryTrees.delete(directory);
    }
    finish(output, "read-size", "Reads of a page, by size of the database", "GB of pages", line);
  }

  private static void finish(
      Output output, String file, String title, String horizontal, Line... lines)
      throws IOException {
    LinePlot plot = new LinePlot(title, horizontal, "microseconds, median");
    for (Line line : lines) {
      plot.add(line.series());
    }
    plot.write(output.plots().resolve(file + ".svg"));
    LinePlot.Point first = lines[0].points().getFirst();
    LinePlot.Point last = lines[0].points().getLast();
    output
        .report()
        .add(
            Figure.within(
                "%s: %s, not %s".formatted(lines[0].name(), round(last.x()), round(first.x())),
                "us",
                last.y(),
                first.y()));
  }

  private static String round(double value) {
    return value < 1 ? Double.toString(value) : Long.toString(Math.round(value));
  }
}
