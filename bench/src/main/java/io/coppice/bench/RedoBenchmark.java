package io.coppice.bench;

import io.coppice.common.error.StorageException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Collection;
import org.openjdk.jmh.profile.GCProfiler;
import org.openjdk.jmh.results.Result;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;
import org.openjdk.jmh.runner.options.VerboseMode;

/**
 * The time to make a page of an image and a short or a medium list of records, against a tenth of
 * what Neon publishes for the same through a Postgres process: 32 and 139 us a page.
 */
final class RedoBenchmark implements Benchmark {
  private static final int SHORT_RECORDS = 4;
  private static final int MEDIUM_RECORDS = 80;
  private static final double SHORT_MICROS_MAX = 3.2;
  private static final double MEDIUM_MICROS_MAX = 13.9;

  @Override
  public void run(Workspace workspace, Report report)
      throws BenchFailure, StorageException, IOException, InterruptedException {
    measure(workspace, report, "short", SHORT_RECORDS, SHORT_MICROS_MAX);
    measure(workspace, report, "medium", MEDIUM_RECORDS, MEDIUM_MICROS_MAX);
  }

  private static void measure(
      Workspace workspace, Report report, String name, int records, double microsMax)
      throws BenchFailure, StorageException, IOException, InterruptedException {
    Path file = workspace.newDirectory("redo").resolve(name);
    RedoLists.find(workspace.archive(), records).write(file);
    int seconds = Math.min(5, workspace.options().seconds());
    Collection<RunResult> results;
    try {
      results =
          new Runner(
                  new OptionsBuilder()
                      .include(RedoLoops.class.getName())
                      .param("file", file.toString())
                      .forks(1)
                      .warmupIterations(3)
                      .warmupTime(TimeValue.seconds(1))
                      .measurementIterations(seconds)
                      .measurementTime(TimeValue.seconds(1))
                      .addProfiler(GCProfiler.class)
                      .verbosity(VerboseMode.SILENT)
                      .shouldFailOnError(true)
                      .build())
              .run();
    } catch (RunnerException e) {
      throw new BenchFailure("JMH: " + e.getMessage());
    }
    for (RunResult result : results) {
      String what = "redo, image and %d records".formatted(records);
      report.add(Figure.within(what, "us", result.getPrimaryResult().getScore(), microsMax));
      Result<?> garbage = result.getSecondaryResults().get("gc.alloc.rate.norm");
      if (garbage != null) {
        report.add(Figure.alone(what + ", garbage", "bytes", garbage.getScore()));
      }
    }
  }
}
