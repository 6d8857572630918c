package io.coppice.it.corpus;

import io.coppice.common.error.StorageException;
import io.coppice.common.platform.Clock;
import io.coppice.common.rpc.HostPort;
import io.coppice.compute.postgres.Initdb;
import io.coppice.compute.postgres.PostgresInstallation;
import io.coppice.compute.postgres.PostgresServer;
import io.coppice.compute.postgres.RunAs;
import io.coppice.it.support.Ports;
import io.coppice.it.support.Sql;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * A stock server with which WAL is made: {@code base} is its data directory before, {@code data}
 * after, with all WAL in between in {@code data/pg_wal}, each record with the images by which
 * Postgres checks its own redo.
 */
final class CorpusServer {
  private static final long TIMEOUT_MILLIS = 120_000;
  private static final String DATABASE = "corpus";

  private static final List<String> SETTINGS =
      List.of(
          "listen_addresses=127.0.0.1",
          "unix_socket_directories=",
          "autovacuum=off",
          "fsync=off",
          "synchronous_commit=off",
          "shared_buffers=64MB",
          "max_prepared_transactions=10",
          "max_wal_senders=2",
          "wal_consistency_checking=all",
          "wal_keep_size=100GB",
          "max_wal_size=100GB",
          "bgwriter_lru_maxpages=0");

  private final PostgresInstallation installation;
  private final RunAs runAs;
  private final Path directory;
  private final List<String> settings;
  private final boolean checksums;

  CorpusServer(
      PostgresInstallation installation, Path directory, boolean checksums, List<String> settings)
      throws StorageException, InterruptedException {
    this.installation = installation;
    this.runAs = RunAs.resolve(Optional.empty());
    this.directory = directory;
    this.checksums = checksums;
    this.settings = List.copyOf(settings);
  }

  Path base() {
    return directory.resolve("base");
  }

  Path data() {
    return directory.resolve("data");
  }

  /**
   * Makes the cluster, an old one, and lets each script run on it {@code rounds} times, each in a
   * database; then freezes all.
   */
  void makeWal(List<CorpusScript> scripts, int rounds)
      throws StorageException, SQLException, IOException, InterruptedException {
    Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("rwxr-xr-x"));
    Files.createDirectories(data());
    runAs.own(data());
    Initdb.run(installation, runAs, data(), Optional.empty(), checksums);
    Files.write(data().resolve("postgresql.conf"), settings, StandardOpenOption.APPEND);
    serve(
        "max_connections=20",
        port -> {
          for (int round = 1; round <= rounds; round++) {
            try (Connection connection = Sql.connect(port, "postgres")) {
              Sql.run(connection, "create database " + DATABASE + round);
            }
            extensions(port, DATABASE + round);
          }
        });
    AgedCluster.age(data());
    runAs.own(data());
    copy(data(), base());
    // Another setting than before is a record of its own.
    serve(
        "max_connections=25",
        port -> {
          for (int round = 1; round <= rounds; round++) {
            String database = DATABASE + round;
            for (CorpusScript script : scripts) {
              script.run(() -> Sql.connect(port, database));
            }
          }
          AgedCluster.freeze(port);
        });
  }

  private static void extensions(HostPort server, String database) throws SQLException {
    try (Connection connection = Sql.connect(server, database)) {
      for (String extension : List.of("bloom", "pageinspect", "btree_gin", "btree_gist")) {
        Sql.run(connection, "create extension " + extension);
      }
    }
  }

  private interface Work {
    void run(HostPort server) throws SQLException;
  }

  private void serve(String setting, Work work)
      throws StorageException, SQLException, IOException, InterruptedException {
    HostPort address = Ports.free(1).getFirst();
    List<String> all = new ArrayList<>(SETTINGS);
    all.addAll(List.of(setting, "port=" + address.port()));
    PostgresServer server =
        PostgresServer.start(
            new PostgresServer.Spec(
                installation, runAs, data(), directory.resolve("server.log"), all),
            TIMEOUT_MILLIS,
            Clock.SYSTEM);
    try {
      work.run(address);
    } finally {
      if (!server.stop(PostgresServer.Shutdown.FAST, TIMEOUT_MILLIS)) {
        server.stopNow();
      }
    }
  }

  private static void copy(Path from, Path to) throws IOException {
    try (Stream<Path> tree = Files.walk(from)) {
      for (Path path : (Iterable<Path>) tree::iterator) {
        Files.copy(
            path,
            to.resolve(from.relativize(path).toString()),
            LinkOption.NOFOLLOW_LINKS,
            StandardCopyOption.COPY_ATTRIBUTES);
      }
    }
  }
}
