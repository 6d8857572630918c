package io.coppice.it.support;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;

/** Programs of the machine that tests need: run to their end. */
final class Commands {
  private Commands() {}

  /** How a program ended, and what it wrote. */
  record Result(int exitCode, String output) {}

  /**
   * Runs one.
   *
   * @return with exit code -1 if there is no such program
   */
  static Result run(String... command) throws InterruptedException {
    try {
      Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
      process.getOutputStream().close();
      String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      return new Result(process.waitFor(), output.strip());
    } catch (IOException notThere) {
      return new Result(-1, notThere.toString());
    }
  }

  /** Runs one that must succeed. */
  static void succeed(String... command) throws InterruptedException {
    Result result = run(command);
    if (result.exitCode() != 0) {
      throw new AssertionError("%s: %s".formatted(List.of(command), result));
    }
  }
}
