package io.coppice.bench;

import io.coppice.common.rpc.HostPort;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** Coppice commands as processes, started as a user does, below one data directory. */
final class Roles implements AutoCloseable {
  private static final Path LAUNCHER = Path.of("coppice").toAbsolutePath();

  /** Of main classes of the benchmarks: as the launcher's, for servers. */
  private static final List<String> HELPER_FLAGS =
      List.of(
          "--enable-native-access=ALL-UNNAMED",
          "--sun-misc-unsafe-memory-access=allow",
          "-XX:+UseCompactObjectHeaders",
          "-Dio.grpc.netty.shaded.io.netty.leakDetection.level=disabled",
          "-Xms64m",
          "-Xmx384m",
          "-XX:MaxDirectMemorySize=256m",
          "-XX:+ExitOnOutOfMemoryError");

  private static final long READY_TIMEOUT_SECONDS = 60;
  private static final long STOP_TIMEOUT_SECONDS = 60;
  private static final long COMMAND_TIMEOUT_SECONDS = 300;
  private static final long POLL_MILLIS = 50;

  private final Path directory;
  private final List<String> options;
  private final List<Process> running = new ArrayList<>();

  /**
   * @param options of every command, such as {@code --set key=value}
   */
  Roles(Path directory, List<String> options) {
    this.directory = directory;
    this.options = List.copyOf(options);
  }

  /** Runs a command that needs no server; its output goes into a file. */
  static void runTool(Path out, String... arguments)
      throws BenchFailure, IOException, InterruptedException {
    Path err = out.resolveSibling("err");
    Process process =
        new ProcessBuilder(command(List.of(arguments)))
            .redirectOutput(out.toFile())
            .redirectError(err.toFile())
            .start();
    if (process.waitFor() != 0) {
      throw new BenchFailure("%s%n%s".formatted(Files.readString(out), Files.readString(err)));
    }
  }

  private static List<String> command(List<String> arguments) {
    return joined(List.of(LAUNCHER.toString()), arguments);
  }

  private static List<String> helperCommand(Class<?> mainClass, List<String> arguments) {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(HELPER_FLAGS);
    command.addAll(List.of("-cp", System.getProperty("java.class.path"), mainClass.getName()));
    command.addAll(arguments);
    return command;
  }

  private static List<String> joined(List<String> one, List<String> other) {
    List<String> all = new ArrayList<>(one);
    all.addAll(other);
    return all;
  }

  private Process launch(String name, List<String> command) throws IOException {
    ProcessBuilder builder =
        new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(log(name).toFile());
    builder.environment().put("MALLOC_ARENA_MAX", "2");
    Process process = builder.start();
    running.add(process);
    return process;
  }

  private Path log(String name) {
    return directory.resolve(name + ".log");
  }

  /** Starts a server role and waits until it listens. */
  Process start(String name, HostPort listens, String... arguments)
      throws BenchFailure, IOException, InterruptedException {
    Process process = launch(name, command(joined(List.of(arguments), options)));
    awaitListening(name, process, listens);
    return process;
  }

  /** Starts a command that stays, and waits until it has said something. */
  Process startTelling(String name, String word, String... arguments)
      throws BenchFailure, IOException, InterruptedException {
    Process process = launch(name, command(joined(List.of(arguments), options)));
    await(name, process, "does not say " + word, () -> Files.readString(log(name)).contains(word));
    return process;
  }

  /** Starts a main class of the benchmarks themselves. */
  Process startHelper(Class<?> mainClass, HostPort listens, String... arguments)
      throws BenchFailure, IOException, InterruptedException {
    Process process =
        launch(mainClass.getSimpleName(), helperCommand(mainClass, List.of(arguments)));
    awaitListening(mainClass.getSimpleName(), process, listens);
    return process;
  }

  private void awaitListening(String name, Process process, HostPort address)
      throws BenchFailure, IOException, InterruptedException {
    await(name, process, "does not listen on " + address, () -> Machine.isListening(address));
  }

  private interface Condition {
    boolean holds() throws IOException;
  }

  private void await(String name, Process process, String otherwise, Condition condition)
      throws BenchFailure, IOException, InterruptedException {
    for (long i = 0; i < READY_TIMEOUT_SECONDS * 1_000 / POLL_MILLIS; i++) {
      if (condition.holds()) {
        return;
      }
      if (process.waitFor(POLL_MILLIS, TimeUnit.MILLISECONDS)) {
        break;
      }
    }
    throw new BenchFailure("%s %s:%n%s".formatted(name, otherwise, Files.readString(log(name))));
  }

  /** Runs a command to its end; it must succeed. */
  void run(String... arguments) throws BenchFailure, IOException, InterruptedException {
    String name = String.join("-", arguments).replace('/', '_');
    runToEnd(name, command(joined(List.of(arguments), options)));
  }

  /** Runs a main class of the benchmarks to its end, and says what it printed. */
  String runHelper(Class<?> mainClass, String... arguments)
      throws BenchFailure, IOException, InterruptedException {
    String name = mainClass.getSimpleName();
    runToEnd(name, helperCommand(mainClass, List.of(arguments)));
    return Files.readString(log(name));
  }

  private void runToEnd(String name, List<String> command)
      throws BenchFailure, IOException, InterruptedException {
    Process process = launch(name, command);
    boolean ended = process.waitFor(COMMAND_TIMEOUT_SECONDS, TimeUnit.SECONDS);
    if (!ended || process.exitValue() != 0) {
      throw new BenchFailure("%s failed:%n%s".formatted(name, Files.readString(log(name))));
    }
  }

  /** Ends one of them. */
  static void stop(Process process) {
    process.destroy();
    try {
      if (!process.waitFor(STOP_TIMEOUT_SECONDS, TimeUnit.SECONDS)) {
        process.destroyForcibly();
      }
    } catch (InterruptedException _) {
      process.destroyForcibly();
      Thread.currentThread().interrupt();
    }
  }

  /** Ends all of them, the last first. */
  @Override
  public void close() {
    running.reversed().forEach(Roles::stop);
  }
}
