package io.coppice.spec;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Runs TLC, the model checker of TLA+, as a process of its own. */
final class Tlc {
  private static final Path SPEC = Path.of("..", "docs", "spec").toAbsolutePath().normalize();
  private static final String MODULE = "Safekeepers";
  private static final Pattern STATES =
      Pattern.compile("([0-9]+) states generated, ([0-9]+) distinct states found, ([0-9]+) states");
  private static final Pattern WALKED = Pattern.compile("The number of states generated: ([0-9]+)");
  private static final Pattern VIOLATED =
      Pattern.compile("Error: (?:Invariant|Action property) (\\w+)(?: is violated| line)");

  private Tlc() {}

  /**
   * What a run came to.
   *
   * @param violated what does not hold, if something does not
   * @param distinctStates found; generated, if behaviours were drawn at random
   * @param statesLeft not looked at, because a violation or the time ended the run
   */
  record Outcome(
      Optional<String> violated,
      long distinctStates,
      long statesLeft,
      double seconds,
      String output) {}

  /**
   * Explores all that the bounds allow, breadth first: a violation comes with a shortest behaviour.
   */
  static Outcome explore(Path directory, Bounds bounds) throws IOException, InterruptedException {
    return run(directory, bounds, List.of("-workers", "auto"));
  }

  /** Draws behaviours at random, for bounds that are too large to explore. */
  static Outcome walk(Path directory, Bounds bounds, int behaviours, int steps, long seed)
      throws IOException, InterruptedException {
    return run(
        directory,
        bounds,
        List.of(
            "-simulate",
            "num=" + behaviours,
            "-depth",
            Integer.toString(steps),
            "-seed",
            Long.toString(seed)));
  }

  private static Outcome run(Path directory, Bounds bounds, List<String> mode)
      throws IOException, InterruptedException {
    Files.copy(SPEC.resolve(MODULE + ".tla"), directory.resolve(MODULE + ".tla"));
    Files.writeString(directory.resolve("run.cfg"), bounds.toConfig());
    Path log = directory.resolve("tlc.log");
    long start = System.nanoTime();
    Process process =
        new ProcessBuilder(command(directory, mode))
            .directory(directory.toFile())
            .redirectErrorStream(true)
            .redirectOutput(log.toFile())
            .start();
    try {
      process.waitFor();
    } finally {
      process.destroyForcibly();
    }
    double seconds = (System.nanoTime() - start) / (double) TimeUnit.SECONDS.toNanos(1);
    return outcome(Files.readString(log), seconds);
  }

  private static List<String> command(Path directory, List<String> mode) {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of("-XX:+UseParallelGC", "-Xmx2g"));
    command.addAll(List.of("-cp", System.getProperty("java.class.path"), "tlc2.TLC"));
    command.addAll(mode);
    command.addAll(List.of("-deadlock", "-metadir", directory.resolve("states").toString()));
    command.addAll(List.of("-config", "run.cfg", MODULE));
    return command;
  }

  private static Outcome outcome(String output, double seconds) {
    Matcher violated = VIOLATED.matcher(output);
    boolean refuted = violated.find();
    if (!refuted && output.contains("Error:")) {
      throw new AssertionError("TLC did not run to its end:\n" + output);
    }
    Matcher states = STATES.matcher(output);
    long distinct = 0;
    long left = 0;
    while (states.find()) {
      distinct = Long.parseLong(states.group(2));
      left = Long.parseLong(states.group(3));
    }
    Matcher walked = WALKED.matcher(output);
    if (walked.find()) {
      distinct = Long.parseLong(walked.group(1));
    }
    Optional<String> name = refuted ? Optional.of(violated.group(1)) : Optional.empty();
    return new Outcome(name, distinct, left, seconds, output);
  }
}
