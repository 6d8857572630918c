package io.coppice.it;

import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;

/** One {@code coppice} command as a process of its own; what it writes goes to a log file. */
final class ChildProcess {
  /**
   * The flags of the launcher, with a heap that lets several live on a small machine, and without
   * the compiler for what runs for long: a page server takes three seconds of a processor less for
   * its start.
   */
  private static final List<String> JVM_FLAGS =
      List.of(
          "--enable-native-access=ALL-UNNAMED",
          "-XX:+UseSerialGC",
          "-XX:TieredStopAtLevel=1",
          "-Xmx512m");

  private static final String MAIN_CLASS = "io.coppice.cli.Main";
  private static final int TAIL_LINES = 40;

  /** Without the tests' own classes: they are directories, of which no archive can be made. */
  private static final String CLASS_PATH =
      Arrays.stream(System.getProperty("java.class.path").split(File.pathSeparator))
          .filter(entry -> !Path.of(entry).startsWith(Path.of("target").toAbsolutePath()))
          .collect(Collectors.joining(File.pathSeparator));

  /** Classes are mapped from it, not parsed; the first command makes it. */
  private static final Path CLASS_ARCHIVE = Path.of("target", "commands.jsa").toAbsolutePath();

  /** Another fork of the tests may be making one, and half of one must not be used. */
  private static final Path NEW_ARCHIVE =
      CLASS_ARCHIVE.resolveSibling("commands-%d.jsa".formatted(ProcessHandle.current().pid()));

  private final String name;
  private final Process process;
  private final Path log;

  private ChildProcess(String name, Process process, Path log) {
    this.name = name;
    this.process = process;
    this.log = log;
  }

  /** What one finished command said. */
  record Result(int exitCode, String out, String err) {
    @Override
    public String toString() {
      return "exit code %d%n--- stdout%n%s--- stderr%n%s".formatted(exitCode, out, err);
    }
  }

  /** None can be made if modules are directories, as in {@code mvn test}. */
  static boolean lacksArchive() {
    return Files.notExists(CLASS_ARCHIVE)
        && Arrays.stream(CLASS_PATH.split(File.pathSeparator)).allMatch(e -> e.endsWith(".jar"));
  }

  /**
   * A server must not make the archive: threads of it that go on while it ends have made the JVM
   * crash in that.
   */
  private static List<String> archiveFlags(boolean mayMake) {
    List<String> flags = new ArrayList<>();
    if (mayMake && lacksArchive()) {
      flags.add("-XX:ArchiveClassesAtExit=" + NEW_ARCHIVE);
    } else if (Files.exists(CLASS_ARCHIVE)) {
      flags.add("-XX:SharedArchiveFile=" + CLASS_ARCHIVE);
    }
    flags.add("-Xlog:cds*=off,aot*=off");
    return flags;
  }

  private static List<String> command(
      List<String> moreFlags, String mainClass, List<String> arguments) {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(JVM_FLAGS);
    command.addAll(moreFlags);
    command.addAll(List.of("-cp", CLASS_PATH, mainClass));
    command.addAll(arguments);
    return command;
  }

  /**
   * Starts a command and returns at once.
   *
   * @param name for messages
   * @param log is appended to
   */
  static ChildProcess start(
      String name, Path log, Map<String, String> environment, List<String> arguments)
      throws IOException {
    return start(name, log, environment, List.of(), arguments);
  }

  /**
   * The same elsewhere.
   *
   * @param prefix a program that becomes the command
   */
  static ChildProcess start(
      String name,
      Path log,
      Map<String, String> environment,
      List<String> prefix,
      List<String> arguments)
      throws IOException {
    return start(name, log, environment, prefix, MAIN_CLASS, arguments);
  }

  /** The same with another program of the class path. */
  static ChildProcess start(
      String name,
      Path log,
      Map<String, String> environment,
      String mainClass,
      List<String> arguments)
      throws IOException {
    return start(name, log, environment, List.of(), mainClass, arguments);
  }

  private static ChildProcess start(
      String name,
      Path log,
      Map<String, String> environment,
      List<String> prefix,
      String mainClass,
      List<String> arguments)
      throws IOException {
    Files.writeString(
        log,
        "##### %s %s%n".formatted(mainClass, String.join(" ", arguments)),
        StandardOpenOption.CREATE,
        StandardOpenOption.APPEND);
    List<String> command = new ArrayList<>(prefix);
    command.addAll(command(archiveFlags(false), mainClass, arguments));
    ProcessBuilder builder = new ProcessBuilder(command);
    builder.environment().putAll(environment);
    builder.redirectErrorStream(true);
    builder.redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile()));
    builder.redirectInput(Path.of("/dev/null").toFile());
    return new ChildProcess(name, builder.start(), log);
  }

  /**
   * Runs a command to its end, which must come within the time.
   *
   * @param makesArchive if there is none yet
   */
  static Result run(
      Path directory, boolean makesArchive, List<String> arguments, int timeoutSeconds)
      throws IOException, InterruptedException {
    Path out = Files.createTempFile(directory, "out", ".txt");
    Path err = Files.createTempFile(directory, "err", ".txt");
    ProcessBuilder builder =
        new ProcessBuilder(command(archiveFlags(makesArchive), MAIN_CLASS, arguments));
    builder.redirectOutput(out.toFile());
    builder.redirectError(err.toFile());
    builder.redirectInput(Path.of("/dev/null").toFile());
    Process process = builder.start();
    try {
      if (!process.waitFor(timeoutSeconds, TimeUnit.SECONDS)) {
        throw new AssertionError(
            "coppice %s did not end within %d s; stderr:%n%s"
                .formatted(String.join(" ", arguments), timeoutSeconds, Files.readString(err)));
      }
      if (Files.exists(NEW_ARCHIVE)) {
        Files.move(NEW_ARCHIVE, CLASS_ARCHIVE, StandardCopyOption.ATOMIC_MOVE);
      }
      return new Result(process.exitValue(), Files.readString(out), Files.readString(err));
    } finally {
      process.destroyForcibly();
      Files.delete(out);
      Files.delete(err);
    }
  }

  String name() {
    return name;
  }

  long pid() {
    return process.pid();
  }

  boolean isAlive() {
    return process.isAlive();
  }

  /** The end of its log. */
  String logTail() {
    try {
      List<String> lines = Files.readString(log, StandardCharsets.UTF_8).lines().toList();
      return String.join(
          System.lineSeparator(),
          lines.subList(Math.max(0, lines.size() - TAIL_LINES), lines.size()));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Ends it with SIGKILL. */
  void kill9() throws InterruptedException {
    process.destroyForcibly();
    process.waitFor();
  }

  /** Stops it and all that it started where they are, until {@link #resume}. */
  void pause() throws IOException, InterruptedException {
    signalAll("-STOP");
  }

  /** Stops it, and leaves what it started. */
  void pauseAlone() throws IOException, InterruptedException {
    signal("-STOP", List.of(pid()));
  }

  void resume() throws IOException, InterruptedException {
    signalAll("-CONT");
  }

  private void signalAll(String signal) throws IOException, InterruptedException {
    List<Long> pids = new ArrayList<>(List.of(pid()));
    process.descendants().map(ProcessHandle::pid).forEach(pids::add);
    signal(signal, pids);
  }

  private static void signal(String signal, List<Long> pids)
      throws IOException, InterruptedException {
    List<String> command = new ArrayList<>(List.of("kill", signal));
    pids.forEach(pid -> command.add(Long.toString(pid)));
    new ProcessBuilder(command).start().waitFor();
  }

  /**
   * Ends it and all that it started with SIGKILL, as the loss of a machine does. All are stopped
   * first, so that none sees another die: a backend whose postmaster is gone no longer waits for
   * its commit, and shows it to those that still run.
   */
  void kill9All() throws IOException, InterruptedException {
    List<ProcessHandle> children = process.descendants().toList();
    pause();
    kill9();
    children.forEach(ProcessHandle::destroyForcibly);
  }

  /** Ends it with SIGTERM; its exit code, or nothing if it had to be killed. */
  Optional<Integer> stop(int timeoutSeconds) throws InterruptedException {
    process.destroy();
    if (process.waitFor(timeoutSeconds, TimeUnit.SECONDS)) {
      return Optional.of(process.exitValue());
    }
    kill9();
    return Optional.empty();
  }

  /** Its exit code, if it ends by itself within the time. */
  Optional<Integer> awaitExit(int timeoutSeconds) throws InterruptedException {
    return process.waitFor(timeoutSeconds, TimeUnit.SECONDS)
        ? Optional.of(process.exitValue())
        : Optional.empty();
  }
}
