package io.coppice.cli.server;

import io.coppice.cli.Session;
import io.coppice.cli.output.CommandFailure;
import io.coppice.cli.output.ExitCode;
import io.coppice.cli.output.Output;
import io.coppice.common.config.ConfigKeys;
import io.coppice.common.config.ConfigOrigin;
import io.coppice.common.config.ConfigType.LogLevel;
import io.coppice.common.config.CoppiceConfig;
import io.coppice.common.error.StorageException;
import io.coppice.common.rpc.HostPort;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Commands that run storage roles until they are told to stop. */
public final class ServerCommands {
  /** Flushing may take a third of it; what is not flushed is on the safekeepers. */
  private static final long STOP_LIMIT_MILLIS = 60_000;

  private ServerCommands() {}

  /** What starts; closed by the caller if it fails half way. */
  @FunctionalInterface
  private interface Start {
    void into(RunningRoles roles, HostPort status) throws Exception;
  }

  /**
   * @param statusOffset added to the port for health and metrics
   */
  private static void run(
      Session session, CoppiceConfig config, @Nullable Long endWith, int statusOffset, Start start)
      throws Exception {
    RunningRoles roles = new RunningRoles(config, session.clock());
    boolean started = false;
    try {
      start.into(roles, roles.startStatus(statusOffset));
      roles.started();
      started = true;
    } finally {
      if (!started) {
        var _ = roles.close();
      }
    }
    var _ =
        Shutdown.onSignal(
            session.output(),
            STOP_LIMIT_MILLIS,
            () -> {
              boolean clean = roles.close();
              session.output().message(clean ? "stopped" : "stopped, not cleanly: see above");
            });
    Shutdown.endWith(Optional.ofNullable(endWith));
    Shutdown.awaitSignal();
  }

  /** {@code coppice up}. */
  @Command(
      name = "up",
      description = {
        "Runs all storage roles in this process until it is stopped.",
        "These are the safekeepers of the configuration, three by default, and a page server."
      })
  public static final class Up implements Callable<Integer> {
    private final Session session;

    @Option(names = "--end-with", paramLabel = "PID", hidden = true)
    private @Nullable Long endWith;

    public Up(Session session) {
      this.session = session;
    }

    @Override
    public Integer call() throws Exception {
      CoppiceConfig config = session.config();
      // A person reads along: without being asked, only what is wrong.
      boolean asked =
          !(session.settings().origin(ConfigKeys.LOG_LEVEL) instanceof ConfigOrigin.Default);
      ServerLog.set(asked ? config.logLevel() : LogLevel.WARN, config.logFormat());
      try (var _ = DataDirLock.take(config.dataDir())) {
        run(session, config, endWith, 0, (roles, status) -> start(roles, status, config));
      }
      return ExitCode.OK.number();
    }

    private void start(RunningRoles roles, HostPort status, CoppiceConfig config) throws Exception {
      List<HostPort> safekeepers = roles.startSafekeepers();
      HostPort pageserver = roles.startPageserver(safekeepers);
      RunFile runFile = new RunFile(ProcessHandle.current().pid(), pageserver, safekeepers, status);
      runFile.write(config.dataDir());
      roles.opened(() -> RunFile.delete(config.dataDir()));
      if (session.output().isJson()) {
        session.output().json(runFile.toMap());
      } else {
        session.output().print(welcome(config, runFile));
      }
    }

    private String welcome(CoppiceConfig config, RunFile runFile) {
      boolean isDefault = config.dataDir().equals(session.defaultDataDir().toAbsolutePath());
      String option = isDefault ? "" : " --data-dir " + config.dataDir();
      return """
      Coppice is up: page server at %1$s, safekeepers at %2$s.
      Data in %3$s; health and metrics at http://%4$s. Ctrl-C stops it; nothing is lost.

      From another shell:
        %5$s tenant create demo%6$s
        %5$s endpoint start main%6$s
        psql "$(%5$s connection-string main%6$s)"
        %5$s branch create experiment%6$s
        %5$s branch create yesterday --at LSN-or-time%6$s
      """
          .formatted(
              runFile.pageserver(),
              String.join(", ", runFile.safekeepers().stream().map(HostPort::toString).toList()),
              config.dataDir(),
              runFile.status(),
              SelfCommand.asTyped(session.environment()),
              option);
    }
  }

  /** {@code coppice pageserver}. */
  @Command(name = "pageserver", description = "Runs the page server alone until it is stopped.")
  public static final class PageserverRole implements Callable<Integer> {
    private final Session session;

    @Option(names = "--end-with", paramLabel = "PID", hidden = true)
    private @Nullable Long endWith;

    public PageserverRole(Session session) {
      this.session = session;
    }

    @Override
    public Integer call() throws Exception {
      CoppiceConfig config = session.config();
      ServerLog.set(config.logLevel(), config.logFormat());
      run(
          session,
          config,
          endWith,
          0,
          (roles, status) -> {
            HostPort address = roles.startPageserver(config.cluster().safekeepers());
            Hangup.run(() -> reload(session, roles));
            ready(session.output(), "page server", address, status);
          });
      return ExitCode.OK.number();
    }
  }

  /** Runs safekeeper {@code number} of the configuration, from 1. */
  public static void runSafekeeper(Session session, int number, @Nullable Long endWith)
      throws Exception {
    CoppiceConfig config = session.config();
    ServerLog.set(config.logLevel(), config.logFormat());
    List<HostPort> all = config.cluster().safekeepers();
    if (number < 1 || number > all.size()) {
      throw new CommandFailure(
          ExitCode.USAGE,
          "there is no safekeeper %d (cluster.safekeepers lists 1 to %d)"
              .formatted(number, all.size()));
    }
    run(
        session,
        config,
        endWith,
        number,
        (roles, status) -> {
          HostPort address = roles.startSafekeeper(number, all.get(number - 1));
          Hangup.run(() -> reload(session, roles));
          ready(session.output(), "safekeeper " + number, address, status);
        });
  }

  /** A configuration that is wrong changes nothing. */
  private static void reload(Session session, RunningRoles roles) {
    try {
      roles.reload(session.config());
      session.output().message("settings read again");
    } catch (StorageException e) {
      session.output().message("settings are kept as they are: " + e.getMessage());
    }
  }

  private static void ready(Output output, String role, HostPort address, HostPort status)
      throws StorageException {
    output.message(
        "%s listens at %s; health and metrics at http://%s".formatted(role, address, status));
  }
}
