package io.coppice.postgres.wal;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** Programs of a Postgres 15 on this machine, run as the user postgres if we are root. */
final class RealPostgres {
  private static final Path BIN = Path.of("/usr/lib/postgresql/15/bin");
  private static final long TIMEOUT_SECONDS = 60;

  private final Path home;
  private final boolean root = System.getProperty("user.name").equals("root");

  /** Servers and their files live below that directory. */
  RealPostgres(Path home) throws IOException, InterruptedException {
    this.home = home;
    own(home);
  }

  static boolean isThere() {
    return Files.isExecutable(BIN.resolve("postgres"))
        && Files.isExecutable(BIN.resolve("psql"))
        && Files.isExecutable(BIN.resolve("initdb"));
  }

  /** Gives the files to the user that the server runs as. */
  void own(Path path) throws IOException, InterruptedException {
    if (root) {
      exec(List.of("chown", "-R", "postgres", path.toString()));
    }
  }

  /** Output of the program; a failure is an exception that holds it. */
  String run(String program, Object... arguments) throws IOException, InterruptedException {
    List<String> command = new ArrayList<>();
    if (root) {
      command.addAll(List.of("setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"));
    }
    command.add(BIN.resolve(program).toString());
    Arrays.stream(arguments).map(Object::toString).forEach(command::add);
    return exec(command);
  }

  private String exec(List<String> command) throws IOException, InterruptedException {
    Path out = Files.createTempFile(home, "out", ".txt");
    Process process =
        new ProcessBuilder(command)
            .directory(home.toFile())
            .redirectErrorStream(true)
            .redirectOutput(out.toFile())
            .start();
    boolean ended = process.waitFor(TIMEOUT_SECONDS, TimeUnit.SECONDS);
    if (!ended) {
      process.destroyForcibly();
    }
    String output = Files.readString(out, StandardCharsets.UTF_8);
    Files.delete(out);
    if (!ended || process.exitValue() != 0) {
      throw new IOException(
          "%s: %s\n%s"
              .formatted(command, ended ? "exit code " + process.exitValue() : "no end", output));
    }
    return output;
  }

  /** A cluster of its own, shut down, that every start can begin from anew. */
  Path initdb() throws IOException, InterruptedException {
    Path data = home.resolve("template");
    run("initdb", "-D", data, "-U", "postgres", "-A", "trust", "--no-locale", "-E", "UTF8", "-N");
    Files.writeString(
        data.resolve("postgresql.auto.conf"),
        """
        listen_addresses = ''
        unix_socket_directories = '%s'
        fsync = off
        full_page_writes = off
        max_wal_senders = 3
        wal_keep_size = 96MB
        shared_buffers = 8MB
        """
            .formatted(home),
        StandardCharsets.UTF_8);
    return data;
  }

  void start(Path data) throws IOException, InterruptedException {
    Path log = home.resolve("server.log");
    try {
      run("pg_ctl", "-D", data, "-w", "-s", "-l", log, "start");
    } catch (IOException e) {
      throw new IOException(
          Files.exists(log) ? Files.readString(log, StandardCharsets.UTF_8) : "no log", e);
    }
  }

  void stop(Path data, String mode) throws IOException, InterruptedException {
    run("pg_ctl", "-D", data, "-w", "-s", "-m", mode, "stop");
  }

  String sql(String statement) throws IOException, InterruptedException {
    return run(
            "psql", "-h", home, "-U", "postgres", "-qAtX", "-v", "ON_ERROR_STOP=1", "-c", statement)
        .strip();
  }

  static void copyTree(Path from, Path to) throws IOException {
    Files.walkFileTree(
        from,
        new SimpleFileVisitor<>() {
          @Override
          public FileVisitResult preVisitDirectory(Path directory, BasicFileAttributes attributes)
              throws IOException {
            Files.copy(
                directory,
                to.resolve(from.relativize(directory).toString()),
                StandardCopyOption.COPY_ATTRIBUTES);
            return FileVisitResult.CONTINUE;
          }

          @Override
          public FileVisitResult visitFile(Path file, BasicFileAttributes attributes)
              throws IOException {
            Files.copy(file, to.resolve(from.relativize(file).toString()));
            return FileVisitResult.CONTINUE;
          }
        });
  }

  static void deleteTree(Path root) throws IOException {
    Files.walkFileTree(
        root,
        new SimpleFileVisitor<>() {
          @Override
          public FileVisitResult visitFile(Path file, BasicFileAttributes attributes)
              throws IOException {
            Files.delete(file);
            return FileVisitResult.CONTINUE;
          }

          @Override
          public FileVisitResult postVisitDirectory(
              Path directory, @org.jspecify.annotations.Nullable IOException failure)
              throws IOException {
            Files.delete(directory);
            return FileVisitResult.CONTINUE;
          }
        });
  }
}
