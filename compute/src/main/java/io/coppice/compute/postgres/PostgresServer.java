package io.coppice.compute.postgres;

import io.coppice.common.error.StorageException;
import io.coppice.common.platform.Clock;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A running postmaster, child of this process. It is never started again in place: what it left
 * behind may hold what the quorum does not. Thread safe.
 *
 * <p>Should this process die, the kernel sends it SIGQUIT (where {@code setpriv} is there), and it
 * ends without a checkpoint.
 */
public final class PostgresServer {
  private static final Logger log = LoggerFactory.getLogger(PostgresServer.class);
  private static final long POLL_MILLIS = 5;
  private static final long KILL_TIMEOUT_MILLIS = 10_000;
  private static final int LOG_TAIL_LINES = 15;

  /** How to end it, as the signals of Postgres's {@code postmaster.c}. */
  public enum Shutdown {
    /** SIGINT: ends sessions, writes a checkpoint, waits until the standbys have all WAL. */
    FAST("INT"),
    /** SIGQUIT: ends at once, without a checkpoint. */
    IMMEDIATE("QUIT");

    private final String signal;

    Shutdown(String signal) {
      this.signal = signal;
    }
  }

  private final Process process;
  private final Path dataDirectory;
  private final Path logFile;

  private PostgresServer(Process process, Path dataDirectory, Path logFile) {
    this.process = process;
    this.dataDirectory = dataDirectory;
    this.logFile = logFile;
  }

  /**
   * What to start.
   *
   * @param dataDirectory owned by {@code runAs}
   * @param logFile gets all that the server writes; may be in a directory that its user cannot
   *     reach
   * @param fixedSettings {@code name=value}, given on the command line so that neither a file nor
   *     ALTER SYSTEM can change them
   */
  public record Spec(
      PostgresInstallation installation,
      RunAs runAs,
      Path dataDirectory,
      Path logFile,
      List<String> fixedSettings) {
    public Spec {
      fixedSettings = List.copyOf(fixedSettings);
    }
  }

  /**
   * Starts a server and returns when it accepts connections.
   *
   * @throws StorageException.Transient if it ends or is not ready in time; it is ended then, and
   *     the message has the tail of its log
   */
  public static PostgresServer start(Spec spec, long timeoutMillis, Clock clock)
      throws StorageException, InterruptedException {
    PostgresServer server = new PostgresServer(launch(spec), spec.dataDirectory(), spec.logFile());
    boolean ready = false;
    try {
      server.awaitReady(timeoutMillis, clock);
      ready = true;
      return server;
    } finally {
      if (!ready) {
        server.stopNow();
      }
    }
  }

  private static Process launch(Spec spec) throws StorageException, InterruptedException {
    List<String> program = new ArrayList<>();
    program.add(spec.installation().postgres().toString());
    program.addAll(List.of("-D", spec.dataDirectory().toString()));
    for (String setting : spec.fixedSettings()) {
      program.addAll(List.of("-c", setting));
    }
    ProcessBuilder builder = new ProcessBuilder(spec.runAs().serverCommand(program));
    Commands.cleanEnvironment(builder);
    builder.directory(Path.of("/").toFile());
    builder.redirectErrorStream(true);
    builder.redirectOutput(ProcessBuilder.Redirect.appendTo(spec.logFile().toFile()));
    builder.redirectInput(Path.of("/dev/null").toFile());
    try {
      return ProcessLauncher.start(builder);
    } catch (IOException e) {
      throw new StorageException.Transient("cannot start Postgres: " + e.getMessage(), e);
    }
  }

  private void awaitReady(long timeoutMillis, Clock clock)
      throws StorageException, InterruptedException {
    long deadline = clock.monotonicMillis() + timeoutMillis;
    while (PostmasterFile.read(dataDirectory).filter(PostmasterFile::isReady).isEmpty()) {
      if (process.waitFor(POLL_MILLIS, TimeUnit.MILLISECONDS)) {
        throw new StorageException.Transient(
            "Postgres ended with code %d while starting. Its log in %s ends:%n%s"
                .formatted(process.exitValue(), logFile, logTail()));
      }
      if (clock.monotonicMillis() > deadline) {
        throw new StorageException.Transient(
            "Postgres was not ready within %d ms. Its log in %s ends:%n%s"
                .formatted(timeoutMillis, logFile, logTail()));
      }
    }
  }

  /** The last lines of its log. */
  public String logTail() {
    return LogTail.read(logFile, LOG_TAIL_LINES);
  }

  /** Pid of the postmaster, which is not the child's own where {@code su} stands between. */
  public long pid() {
    return PostmasterFile.read(dataDirectory).map(PostmasterFile::pid).orElse(process.pid());
  }

  public boolean isAlive() {
    return process.isAlive();
  }

  /** Completes with the exit code when the server has ended. */
  public CompletableFuture<Integer> onExit() {
    return process.onExit().thenApply(Process::exitValue);
  }

  /**
   * Asks the server to end and waits for it.
   *
   * @return whether it has ended in time
   */
  public boolean stop(Shutdown shutdown, long timeoutMillis) throws InterruptedException {
    requestStop(shutdown);
    return process.waitFor(timeoutMillis, TimeUnit.MILLISECONDS);
  }

  /** Ends the server at once, by all means. */
  public void stopNow() throws InterruptedException {
    if (!stop(Shutdown.IMMEDIATE, KILL_TIMEOUT_MILLIS)) {
      log.error("Postgres {} did not end on SIGQUIT, killing it", pid());
      process.destroyForcibly();
      process.waitFor(KILL_TIMEOUT_MILLIS, TimeUnit.MILLISECONDS);
    }
  }

  /** Asks the server to end; {@link #onExit} tells when it has. */
  public void requestStop(Shutdown shutdown) throws InterruptedException {
    if (!process.isAlive()) {
      return;
    }
    Optional<ProcessHandle> postmaster =
        PostmasterFile.read(dataDirectory).flatMap(file -> file.process(dataDirectory));
    // Without a file it is still starting, and the child is all there is to signal.
    Signals.send(postmaster.map(ProcessHandle::pid).orElse(process.pid()), shutdown.signal);
  }

  /**
   * Ends a server that an earlier supervisor left in a data directory, if there is one.
   *
   * @return its pid
   * @throws StorageException.Transient if it cannot be ended
   */
  public static Optional<Long> stopLeftover(Path dataDirectory, Clock clock)
      throws StorageException, InterruptedException {
    Optional<ProcessHandle> leftover = findLeftover(dataDirectory);
    if (leftover.isEmpty()) {
      return Optional.empty();
    }
    long pid = leftover.get().pid();
    log.warn("ending Postgres {}, left over in {}", pid, dataDirectory);
    for (String signal : List.of("QUIT", "KILL")) {
      Signals.send(pid, signal);
      if (awaitGone(dataDirectory, clock)) {
        return Optional.of(pid);
      }
    }
    throw new StorageException.Transient(
        "Postgres %d, left over in %s, cannot be ended".formatted(pid, dataDirectory));
  }

  private static Optional<ProcessHandle> findLeftover(Path dataDirectory) {
    return PostmasterFile.read(dataDirectory).flatMap(file -> file.process(dataDirectory));
  }

  private static boolean awaitGone(Path dataDirectory, Clock clock) throws InterruptedException {
    long deadline = clock.monotonicMillis() + KILL_TIMEOUT_MILLIS;
    Optional<ProcessHandle> leftover = findLeftover(dataDirectory);
    while (leftover.isPresent() && clock.monotonicMillis() < deadline) {
      // A killed child of a dead supervisor may stay a zombie for seconds, so its exit cannot be
      // waited for; that it holds the directory no more is what counts.
      var _ = new CountDownLatch(1).await(POLL_MILLIS, TimeUnit.MILLISECONDS);
      leftover = findLeftover(dataDirectory);
    }
    return leftover.isEmpty();
  }
}
