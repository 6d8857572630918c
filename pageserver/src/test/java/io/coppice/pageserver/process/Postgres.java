package io.coppice.pageserver.process;

import static org.assertj.core.api.Assumptions.assumeThat;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * A stock Postgres 15 of this machine, on a data directory. The tests are passed over where there
 * is none. Started by root, it runs as the user {@code postgres}.
 */
final class Postgres implements AutoCloseable {
  private static final Path DEBIAN = Path.of("/usr/lib/postgresql/15/bin");

  private static final int TEMPLATE1_OID = 1;
  private static final int TEMPLATE0_OID = 4;

  private final Path bin;
  private final Path directory;
  private int port;
  private boolean running;

  Postgres(Path directory) {
    this.bin = DEBIAN;
    this.directory = directory;
    assumeThat(Files.isExecutable(bin.resolve("postgres"))).isTrue();
  }

  Path directory() {
    return directory;
  }

  void initdb(String... options) throws IOException, InterruptedException {
    List<String> command =
        new ArrayList<>(
            List.of(
                bin.resolve("initdb").toString(),
                "-D",
                directory.toString(),
                "-U",
                "postgres",
                "-A",
                "trust",
                "-N",
                "--no-locale",
                "-E",
                "UTF8"));
    command.addAll(List.of(options));
    Files.createDirectories(directory);
    own(directory);
    run(command);
  }

  /** Has the files belong to who may run a server. */
  static void own(Path tree) throws IOException, InterruptedException {
    if (isRoot()) {
      exec(List.of("chown", "-R", "postgres", tree.toString()));
      for (Path above = tree.getParent(); above != null; above = above.getParent()) {
        if (!Files.isWritable(above) || above.getNameCount() < 2) {
          break;
        }
        exec(List.of("chmod", "o+x", above.toString()));
      }
    }
    exec(List.of("chmod", "-R", "go-rwx", tree.toString()));
  }

  private static boolean isRoot() {
    return System.getProperty("user.name").equals("root");
  }

  void start(String... settings) throws IOException, InterruptedException {
    try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      port = free.getLocalPort();
    }
    List<String> all =
        new ArrayList<>(
            List.of(
                "port=" + port,
                "listen_addresses=127.0.0.1",
                "unix_socket_directories=",
                "fsync=off",
                "wal_level=replica",
                "wal_keep_size=4GB",
                "max_prepared_transactions=10",
                "autovacuum=off"));
    all.addAll(List.of(settings));
    StringBuilder options = new StringBuilder();
    for (String setting : all) {
      options.append(" -c ").append(setting);
    }
    run(
        List.of(
            bin.resolve("pg_ctl").toString(),
            "-D",
            directory.toString(),
            "-w",
            "-t",
            "120",
            "-l",
            directory.resolve("server.log").toString(),
            "-o",
            options.toString(),
            "start"));
    running = true;
  }

  void stop() throws IOException, InterruptedException {
    run(
        List.of(
            bin.resolve("pg_ctl").toString(),
            "-D",
            directory.toString(),
            "-w",
            "-m",
            "fast",
            "-t",
            "120",
            "stop"));
    running = false;
  }

  /** Runs SQL with psql; its output, unaligned. */
  String sql(String database, String sql) throws IOException, InterruptedException {
    return run(
        List.of(
            bin.resolve("psql").toString(),
            "-h",
            "127.0.0.1",
            "-p",
            Integer.toString(port),
            "-U",
            "postgres",
            "-d",
            database,
            "-X",
            "-q",
            "-A",
            "-t",
            "-v",
            "ON_ERROR_STOP=1",
            "-c",
            sql));
  }

  String run(String program, String... arguments) throws IOException, InterruptedException {
    List<String> command = new ArrayList<>(List.of(bin.resolve(program).toString()));
    command.addAll(List.of(arguments));
    return run(command);
  }

  int port() {
    return port;
  }

  private String run(List<String> command) throws IOException, InterruptedException {
    List<String> whole = new ArrayList<>();
    if (isRoot()) {
      whole.addAll(List.of("setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"));
    }
    whole.addAll(command);
    return exec(whole);
  }

  static String exec(List<String> command) throws IOException, InterruptedException {
    Path output = Files.createTempFile("postgres", ".out");
    try {
      Process process =
          new ProcessBuilder(command)
              .directory(Path.of("/").toFile())
              .redirectErrorStream(true)
              .redirectOutput(output.toFile())
              .start();
      int code = process.waitFor();
      String text = Files.readString(output, StandardCharsets.UTF_8);
      if (code != 0) {
        throw new IOException("%s: exit code %d: %s".formatted(command, code, text));
      }
      return text.strip();
    } finally {
      Files.delete(output);
    }
  }

  /** The segments of the log, in order. */
  List<Path> walFiles() throws IOException {
    try (Stream<Path> files = Files.list(directory.resolve("pg_wal"))) {
      return files
          .filter(file -> file.getFileName().toString().matches("[0-9A-F]{24}"))
          .sorted()
          .toList();
    }
  }

  /** Copies what a stopped server has on its disk, but for its log and the template databases. */
  void copyWithoutLogAndTemplates(Path target) throws IOException, InterruptedException {
    Files.createDirectories(target);
    List<String> command = new ArrayList<>(List.of("cp", "-a"));
    try (Stream<Path> files = Files.list(directory)) {
      files.filter(file -> !file.endsWith("pg_wal")).map(Path::toString).forEach(command::add);
    }
    command.add(target.toString());
    exec(command);
    Path databases = target.resolve("base");
    exec(List.of("rm", "-r", databases + "/" + TEMPLATE1_OID, databases + "/" + TEMPLATE0_OID));
  }

  Optional<String> log() throws IOException {
    Path log = directory.resolve("server.log");
    return Files.exists(log) ? Optional.of(Files.readString(log)) : Optional.empty();
  }

  @Override
  public void close() throws IOException {
    if (!running) {
      return;
    }
    try {
      stop();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException(e);
    }
  }
}
