package io.coppice.cli.demo;

import io.coppice.cli.Session;
import io.coppice.cli.command.PostgresOptions;
import io.coppice.cli.output.CommandFailure;
import io.coppice.cli.output.ExitCode;
import io.coppice.cli.output.Output;
import io.coppice.common.error.StorageException;
import io.coppice.compute.postgres.PostgresInstallation;
import io.coppice.compute.storage.PageserverClient;
import java.io.IOException;
import java.nio.file.Path;
import java.sql.SQLException;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.atomic.AtomicBoolean;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code coppice demo}. */
@Command(
    name = "demo",
    description = {
      "Shows it all, in a temporary directory that it removes.",
      "Commits through a quorum, branches at an LSN and at a time, a safekeeper killed. Takes a",
      "minute or two."
    })
public final class DemoCommand implements Callable<Integer> {
  private static final int ROWS_MAX = 100_000_000;

  private final Session session;

  @Mixin private final PostgresOptions postgres = new PostgresOptions();

  @Option(names = "--keep", description = "Leaves the directory there, with all logs.")
  private boolean keep;

  @Option(names = "--rows", paramLabel = "N", description = "Of the table (default: 1000000).")
  private int rows = 1_000_000;

  public DemoCommand(Session session) {
    this.session = session;
  }

  @Override
  public Integer call() throws IOException, StorageException, CommandFailure, InterruptedException {
    if (rows < 1 || rows > ROWS_MAX) {
      throw new CommandFailure(
          ExitCode.USAGE, "%d rows (expected 1 to %d)".formatted(rows, ROWS_MAX));
    }
    PostgresInstallation installation = postgres.find(Optional.empty());
    String temporary = session.environment().getOrDefault("TMPDIR", "/tmp");
    DemoCluster cluster =
        DemoCluster.create(Path.of(temporary), postgres.bin(), keep, session.clock());
    AtomicBoolean interrupted = new AtomicBoolean();
    Thread onSignal = Thread.ofPlatform().unstarted(() -> stopOnSignal(cluster, interrupted));
    Runtime.getRuntime().addShutdownHook(onSignal);
    try {
      tell(cluster, installation, interrupted);
    } finally {
      if (!interrupted.get()) {
        Runtime.getRuntime().removeShutdownHook(onSignal);
      }
    }
    return ExitCode.OK.number();
  }

  private void stopOnSignal(DemoCluster cluster, AtomicBoolean interrupted) {
    interrupted.set(true);
    session.output().message("stopping ...");
    try {
      cluster.close().forEach(session.output()::message);
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
    }
  }

  private void tell(
      DemoCluster cluster, PostgresInstallation installation, AtomicBoolean interrupted)
      throws StorageException, CommandFailure, IOException, InterruptedException {
    Narrator narrator = new Narrator(session.output(), session.clock());
    boolean succeeded = false;
    try (PageserverClient pageserver =
        PageserverClient.open(cluster.config().cluster().pageserver())) {
      new DemoStory(cluster, installation, pageserver, narrator, session.clock(), rows).tellAll();
      succeeded = true;
    } catch (SQLException e) {
      throw new CommandFailure(ExitCode.INTERNAL, "PostgreSQL says: " + e.getMessage());
    } finally {
      if (interrupted.get()) {
        awaitEnd();
      }
      if (!succeeded) {
        session.output().message(cluster.logs());
      }
      end(cluster, narrator, succeeded);
    }
  }

  /** A signal came: its hook cleans up and ends the process; nothing here may add to it. */
  private static void awaitEnd() throws InterruptedException {
    Thread.currentThread().join();
  }

  private void end(DemoCluster cluster, Narrator narrator, boolean succeeded)
      throws InterruptedException, CommandFailure {
    List<String> left = cluster.close();
    Output output = session.output();
    left.forEach(output::message);
    if (keep) {
      output.message("kept: " + cluster.directory());
    }
    if (succeeded) {
      Narrator.check(left.isEmpty(), "not everything could be ended and removed");
      narrator.tell(
          "Every check held; all processes have ended%s",
          keep ? "" : " and the temporary files are removed");
      narrator.end();
    }
  }
}
