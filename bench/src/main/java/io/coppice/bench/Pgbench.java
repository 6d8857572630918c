package io.coppice.bench;

import io.coppice.common.rpc.HostPort;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.LongStream;
import java.util.stream.Stream;

/** Runs pgbench and psql against one server's database {@code postgres}. */
final class Pgbench {
  private static final Pattern RATE =
      Pattern.compile("^tps = ([0-9.]+) \\(without initial connection time\\)", Pattern.MULTILINE);
  private static final int WORKER_THREADS = 2;

  private final Programs programs;
  private final Path directory;
  private final HostPort server;

  Pgbench(Programs programs, Path directory, HostPort server) {
    this.programs = programs;
    this.directory = directory;
    this.server = server;
  }

  private List<String> command(String program) {
    return new ArrayList<>(
        List.of(
            programs.path(program),
            "-h",
            server.host(),
            "-p",
            Integer.toString(server.port()),
            "-U",
            "postgres"));
  }

  /** Makes the tables. */
  void initialize(int scale) throws BenchFailure, IOException, InterruptedException {
    List<String> command = command("pgbench");
    command.addAll(List.of("-i", "-q", "-s", Integer.toString(scale), "postgres"));
    programs.run(directory, command);
  }

  /**
   * Runs a load.
   *
   * @param flags such as {@code -N}
   * @return transactions per second
   */
  double run(int clients, int seconds, String... flags)
      throws BenchFailure, IOException, InterruptedException {
    String output = load(clients, seconds, List.of(flags));
    Matcher matcher = RATE.matcher(output);
    if (!matcher.find()) {
      throw new BenchFailure("pgbench printed no rate:\n" + output);
    }
    return Double.parseDouble(matcher.group(1));
  }

  /**
   * Runs a load.
   *
   * @return how long each transaction took, in nanoseconds
   */
  long[] latencies(int clients, int seconds, String... flags)
      throws BenchFailure, IOException, InterruptedException {
    Path logs = Files.createTempDirectory(directory, "latencies");
    List<String> all = new ArrayList<>(List.of(flags));
    all.addAll(List.of("-l", "--log-prefix=" + logs.resolve("log")));
    load(clients, seconds, all);
    LongStream.Builder nanos = LongStream.builder();
    try (Stream<Path> files = Files.list(logs)) {
      for (Path file : files.toList()) {
        for (String line : Files.readAllLines(file)) {
          // client, number, microseconds, ...
          nanos.add(1_000 * Long.parseLong(line.split(" ", 4)[2]));
        }
      }
    }
    return nanos.build().toArray();
  }

  private String load(int clients, int seconds, List<String> flags)
      throws BenchFailure, IOException, InterruptedException {
    List<String> command = command("pgbench");
    command.addAll(flags);
    command.addAll(
        List.of(
            "-n",
            "-c",
            Integer.toString(clients),
            "-j",
            Integer.toString(WORKER_THREADS),
            "-T",
            Integer.toString(seconds),
            "postgres"));
    return programs.run(directory, command);
  }

  /** Runs one statement; what psql printed. */
  String query(String sql) throws BenchFailure, IOException, InterruptedException {
    List<String> command = command("psql");
    command.addAll(List.of("-X", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", sql, "postgres"));
    return programs.run(directory, command).strip();
  }
}
