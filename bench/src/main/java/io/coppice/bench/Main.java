package io.coppice.bench;

import io.coppice.common.error.StorageException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** {@code make bench}: runs benchmarks, prints a table and writes it as JSON. */
public final class Main {
  private final Map<String, Benchmark> benchmarks = new LinkedHashMap<>();

  /** Run by name only: they take long. */
  private final Map<String, Benchmark> onRequest = new LinkedHashMap<>();

  private final List<String> names = new ArrayList<>();
  private Options.Size size = Options.Size.FULL;
  private Optional<Path> pgBin = Optional.empty();
  private Optional<Path> workDirectory = Optional.empty();
  private Optional<Path> walDirectory = Optional.empty();
  private Path results = Path.of("bench", "results.json");

  private Main() {
    benchmarks.put("ingest", new IngestBenchmark());
    benchmarks.put("ingest-shapes", new IngestShapesBenchmark());
    benchmarks.put("redo", new RedoBenchmark());
    benchmarks.put("verify", new VerifyBenchmark());
    benchmarks.put("branch", new BranchBenchmark());
    benchmarks.put("getpages", new GetPagesBenchmark());
    benchmarks.put("reads", new ReadsBenchmark());
    benchmarks.put("append", new AppendBenchmark());
    benchmarks.put("commit", new CommitBenchmark());
    benchmarks.put("slow-peer", new SlowPeerBenchmark());
    benchmarks.put("failover", new FailoverBenchmark());
    benchmarks.put("costs", new CostsBenchmark());
    benchmarks.put("compaction", new CompactionReadsBenchmark());
    benchmarks.put("disk", new DiskBenchmark());
    onRequest.put("ingest-long", new IngestLongBenchmark());
  }

  /** Exits with 0, 1 if a benchmark could not run, or 2 for bad arguments. */
  public static void main(String[] arguments) throws InterruptedException {
    System.exit(new Main().run(arguments));
  }

  private int run(String[] arguments) throws InterruptedException {
    if (!parse(arguments)) {
      System.err.printf(
          """
          usage: bench [--tiny | --large] [--pg-bin DIR] [--work-dir DIR] [--wal-dir DIR]
                       [--results FILE] [NAME...]
          names: %s (all these if none is given), or %s
          --tiny shows that everything runs; its figures mean nothing
          --large has costs go up to 10,000 branches and 10 GB
          --wal-dir has the WAL of pgbench made there once and kept for later runs
          """,
          String.join(", ", benchmarks.keySet()), String.join(", ", onRequest.keySet()));
      return 2;
    }
    Options options = new Options(size, workDirectory, walDirectory, pgBin);
    Report report = new Report();
    try (Workspace workspace = Workspace.open(options)) {
      for (String name : names) {
        System.err.println("running " + name);
        runOne(name, workspace, report);
      }
      report.print(System.out);
      if (results.getParent() != null) {
        Files.createDirectories(results.getParent());
      }
      report.write(results);
      System.out.println("written to " + results);
      return 0;
    } catch (BenchFailure | StorageException | IOException e) {
      System.err.println("bench: " + e.getMessage());
      return 1;
    }
  }

  private void runOne(String name, Workspace workspace, Report report)
      throws BenchFailure, StorageException, IOException, InterruptedException {
    Benchmark benchmark = benchmarks.getOrDefault(name, onRequest.get(name));
    if (benchmark != null) {
      benchmark.run(workspace, report);
    }
  }

  private boolean parse(String[] arguments) {
    List<String> left = new ArrayList<>(List.of(arguments));
    while (!left.isEmpty()) {
      String argument = left.removeFirst();
      if (argument.equals("--tiny")) {
        size = Options.Size.TINY;
      } else if (argument.equals("--large")) {
        size = Options.Size.LARGE;
      } else if (argument.startsWith("--") && left.isEmpty()) {
        return false;
      } else if (argument.equals("--pg-bin")) {
        pgBin = Optional.of(Path.of(left.removeFirst()));
      } else if (argument.equals("--work-dir")) {
        workDirectory = Optional.of(Path.of(left.removeFirst()));
      } else if (argument.equals("--wal-dir")) {
        walDirectory = Optional.of(Path.of(left.removeFirst()));
      } else if (argument.equals("--results")) {
        results = Path.of(left.removeFirst());
      } else if (benchmarks.containsKey(argument) || onRequest.containsKey(argument)) {
        names.add(argument);
      } else {
        return false;
      }
    }
    if (names.isEmpty()) {
      names.addAll(benchmarks.keySet());
    }
    return true;
  }
}
