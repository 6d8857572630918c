package io.coppice.bench;

import io.coppice.common.error.StorageException;
import io.coppice.common.rpc.HostPort;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * WAL to flushed and uploaded layers, against stock Postgres replaying the same WAL: from files, as
 * Postgres has it, and over the wire, in a page server of its own process. With the latter the one
 * who sends has the same cores.
 *
 * <p>Each takes the same WAL in several times, each time into a tenant of its own: first cold, as
 * its process has just started, then until it is warm, as servers mostly are. Postgres needs no
 * warming: its code was compiled when it was built.
 */
final class IngestBenchmark implements Benchmark {
  private static final double MEGABYTE = 1e6;
  private static final double MEMORY_LIMIT_MIB = 1536;

  /** After the cold round; so long the JIT compiler still finds something to do. */
  private static final int WARMING_ROUNDS = 3;

  /** Of which the median counts. */
  private static final int MEASURED_ROUNDS = 3;

  private static final int ROUNDS = 1 + WARMING_ROUNDS + MEASURED_ROUNDS;

  @Override
  public void run(Workspace workspace, Report report)
      throws BenchFailure, StorageException, IOException, InterruptedException {
    WalArchive archive = workspace.archive();
    double megabytes = archive.sizeBytes() / MEGABYTE;
    // Between the others: a slow moment of the machine hits both.
    List<Double> redo = new ArrayList<>();
    redo.add(redoSeconds(workspace, archive));
    List<Double> files = FileIngest.seconds(archive, workspace.newDirectory("files"), ROUNDS);
    redo.add(redoSeconds(workspace, archive));
    List<Double> flushed = new ArrayList<>();
    List<Double> readable = new ArrayList<>();
    double peakMebibytes;
    try (IngestRun run = IngestRun.start(archive, workspace.newDirectory("ingest"))) {
      for (int round = 0; round < ROUNDS; round++) {
        IngestRun.Times times = run.ingest();
        flushed.add(times.flushedSeconds());
        readable.add(times.readableSeconds());
      }
      peakMebibytes = run.peakMebibytes();
    }
    redo.add(redoSeconds(workspace, archive));
    double anchor = megabytes / median(redo);
    report.add(Figure.alone("ingest WAL", "MB", megabytes));
    report.add(rate("ingest from files, warm", megabytes / warm(files), anchor));
    report.add(rate("ingest from files, cold", megabytes / files.getFirst(), anchor));
    report.add(rate("ingest over the wire, warm", megabytes / warm(flushed), anchor));
    report.add(rate("ingest over the wire to readable, warm", megabytes / warm(readable), anchor));
    report.add(rate("ingest over the wire, cold", megabytes / flushed.getFirst(), anchor));
    report.add(Figure.within("ingest peak memory", "MiB", peakMebibytes, MEMORY_LIMIT_MIB));
  }

  private static double redoSeconds(Workspace workspace, WalArchive archive)
      throws BenchFailure, StorageException, IOException, InterruptedException {
    return RedoAnchor.seconds(
        workspace.programs(), workspace.runAs(), workspace.newDirectory("redo"), archive);
  }

  private static double warm(List<Double> rounds) {
    return median(rounds.subList(1 + WARMING_ROUNDS, ROUNDS));
  }

  private static double median(List<Double> seconds) {
    return seconds.stream().sorted().toList().get(seconds.size() / 2);
  }

  private static Figure rate(String name, double megabytesPerSecond, double anchor) {
    return Figure.rate(name, "MB/s", megabytesPerSecond, anchor);
  }

  /** A page server alone, with one safekeeper. */
  static List<String> settings(Path directory, List<HostPort> ports) {
    return List.of(
        "--data-dir",
        directory.resolve("data").toString(),
        "--set",
        "cluster.pageserver=" + ports.get(0),
        "--set",
        "cluster.safekeepers=" + ports.get(1),
        "--set",
        "status.listen=" + ports.get(2));
  }
}
