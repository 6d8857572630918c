package io.coppice.compute.postgres;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;

/** Runs a program to its end and keeps what it says. */
final class Commands {
  private static final int OUTPUT_SIZE_BYTES_MAX = 64 * 1024;
  private static final long OUTPUT_TIMEOUT_MILLIS = 2_000;

  private Commands() {}

  /**
   * How a program ended.
   *
   * @param output what it wrote to both of its outputs, the first 64 KiB of it, stripped
   */
  record Result(int exitCode, String output) {
    boolean succeeded() {
      return exitCode == 0;
    }
  }

  /**
   * Runs a program in the root directory, without the variables that steer Postgres's tools.
   *
   * @throws IOException if it cannot be started or does not end in time; then it is killed
   */
  static Result run(List<String> command, long timeoutMillis)
      throws IOException, InterruptedException {
    ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
    cleanEnvironment(builder);
    builder.directory(Path.of("/").toFile());
    Process process = builder.start();
    process.getOutputStream().close();
    FutureTask<String> output = new FutureTask<>(() -> read(process.getInputStream()));
    Thread.ofVirtual().name("output of " + command.getFirst()).start(output);
    try {
      if (!process.waitFor(timeoutMillis, TimeUnit.MILLISECONDS)) {
        throw new IOException(
            "%s did not end within %d ms".formatted(command.getFirst(), timeoutMillis));
      }
      return new Result(
          process.exitValue(), output.get(OUTPUT_TIMEOUT_MILLIS, TimeUnit.MILLISECONDS));
    } catch (ExecutionException | java.util.concurrent.TimeoutException e) {
      throw new IOException("output of %s: %s".formatted(command.getFirst(), e), e);
    } finally {
      process.destroyForcibly();
    }
  }

  /** Settings of whoever started us must not change what Postgres does. */
  static void cleanEnvironment(ProcessBuilder builder) {
    builder.environment().keySet().removeIf(name -> name.startsWith("PG"));
    builder.environment().put("LC_ALL", "C");
  }

  private static String read(InputStream in) throws IOException {
    byte[] kept = in.readNBytes(OUTPUT_SIZE_BYTES_MAX);
    in.transferTo(java.io.OutputStream.nullOutputStream());
    return new String(kept, StandardCharsets.UTF_8).strip();
  }
}
