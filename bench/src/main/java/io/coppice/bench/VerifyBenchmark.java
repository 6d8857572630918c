package io.coppice.bench;

import io.coppice.common.error.StorageException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** {@code coppice wal verify} over WAL of pgbench, against stock Postgres replaying the same. */
final class VerifyBenchmark implements Benchmark {
  private static final Pattern RECORDS = Pattern.compile("\"records\" : (\\d+)");
  private static final Pattern SECONDS = Pattern.compile("\"seconds\" : ([0-9.]+)");

  @Override
  public void run(Workspace workspace, Report report)
      throws BenchFailure, StorageException, IOException, InterruptedException {
    WalArchive archive = workspace.archive();
    double anchorSeconds =
        RedoAnchor.seconds(
            workspace.programs(), workspace.runAs(), workspace.newDirectory("redo"), archive);
    Path out = workspace.newDirectory("verify").resolve("out");
    Roles.runTool(
        out,
        "wal",
        "verify",
        "-o",
        "json",
        "--base",
        archive.base().toString(),
        "--wal",
        archive.segments().toString());
    String json = Files.readString(out);
    double records = number(RECORDS, json);
    report.add(
        Figure.rate(
            "wal verify", "records/s", records / number(SECONDS, json), records / anchorSeconds));
  }

  private static double number(Pattern pattern, String json) throws BenchFailure {
    Matcher matcher = pattern.matcher(json);
    if (!matcher.find()) {
      throw new BenchFailure("no %s in %s".formatted(pattern, json));
    }
    return Double.parseDouble(matcher.group(1));
  }
}
