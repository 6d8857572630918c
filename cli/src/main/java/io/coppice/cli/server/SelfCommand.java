package io.coppice.cli.server;

import java.io.File;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Starts another {@code coppice} process like this one: by the launcher if that started us, else
 * with our Java and our class path.
 */
public final class SelfCommand {
  /** Set by the launcher to its own path. */
  private static final String LAUNCHER = "coppice.launcher";

  private static final List<String> JVM_OPTIONS =
      List.of(
          "--enable-native-access=ALL-UNNAMED",
          "--sun-misc-unsafe-memory-access=allow",
          "-XX:+DisplayVMOutputToStderr",
          "-Xmx384m",
          "io.coppice.cli.Main");

  private SelfCommand() {}

  /** Starts a process with its output in a log file, appended. */
  public static Process start(List<String> arguments, Path log) throws IOException {
    ProcessBuilder builder = builder(arguments, log);
    builder.redirectErrorStream(true);
    builder.redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile()));
    return builder.start();
  }

  /** The same, but only its errors go to the file: its output is ours to read. */
  static Process startTalking(List<String> arguments, Path log) throws IOException {
    return builder(arguments, log).start();
  }

  /** Out of reach of the terminal's signals, if the machine has {@code setsid}. */
  private static ProcessBuilder builder(List<String> arguments, Path log) {
    List<String> command = new ArrayList<>();
    setsid().ifPresent(setsid -> command.add(setsid.toString()));
    Optional<String> launcher = Optional.ofNullable(System.getProperty(LAUNCHER));
    if (launcher.isPresent()) {
      command.add(launcher.get());
    } else {
      command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
      command.addAll(JVM_OPTIONS);
    }
    command.addAll(arguments);
    ProcessBuilder builder = new ProcessBuilder(command);
    if (launcher.isEmpty()) {
      // Not as an argument: a class path of a hundred files would hide the others from `ps`.
      builder.environment().put("CLASSPATH", System.getProperty("java.class.path"));
    }
    builder.redirectInput(new File("/dev/null"));
    builder.redirectError(ProcessBuilder.Redirect.appendTo(log.toFile()));
    return builder;
  }

  /** How a person in our directory would call us. */
  static String asTyped(Map<String, String> environment) {
    String launcher = System.getProperty(LAUNCHER, "coppice");
    Path path = Path.of(launcher);
    if (path.getParent() == null || isOnPath(environment.getOrDefault("PATH", ""))) {
      return "coppice";
    }
    return path.getParent().equals(Path.of("").toAbsolutePath()) ? "./coppice" : launcher;
  }

  private static boolean isOnPath(String path) {
    return Arrays.stream(path.split(File.pathSeparator, -1))
        .anyMatch(directory -> Path.of(directory, "coppice").toFile().canExecute());
  }

  private static Optional<Path> setsid() {
    return List.of("/usr/bin/setsid", "/bin/setsid").stream()
        .map(Path::of)
        .filter(path -> path.toFile().canExecute())
        .findFirst();
  }
}
