package io.coppice.bench;

import io.coppice.common.error.StorageException;
import io.coppice.common.platform.Clock;
import io.coppice.common.rpc.HostPort;
import io.coppice.compute.postgres.Initdb;
import io.coppice.compute.postgres.PostgresServer;
import io.coppice.compute.postgres.RunAs;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** A stock Postgres: what is measured against, and what makes WAL. */
final class StockServer implements AutoCloseable {
  private static final long START_TIMEOUT_MILLIS = 60_000;
  private static final long STOP_TIMEOUT_MILLIS = 300_000;

  private final Path dataDirectory;
  private final HostPort address;
  private final PostgresServer server;

  private StockServer(Path dataDirectory, HostPort address, PostgresServer server) {
    this.dataDirectory = dataDirectory;
    this.address = address;
    this.server = server;
  }

  /** Makes an empty cluster that belongs to the user who runs Postgres. */
  static void initialize(Programs programs, RunAs runAs, Path dataDirectory)
      throws IOException, StorageException, InterruptedException {
    Files.createDirectory(dataDirectory);
    Files.setPosixFilePermissions(dataDirectory, PosixFilePermissions.fromString("rwx------"));
    runAs.own(dataDirectory);
    Initdb.run(programs.installation(), runAs, dataDirectory, Optional.empty(), false);
  }

  /** Starts a server on a data directory and waits until it takes connections. */
  static StockServer start(
      Programs programs, RunAs runAs, Path dataDirectory, List<String> settings)
      throws IOException, StorageException, InterruptedException {
    HostPort address = Machine.freePorts(1).getFirst();
    List<String> all = new ArrayList<>(settings);
    all.add("port=" + address.port());
    all.add("listen_addresses=" + address.host());
    all.add("unix_socket_directories=");
    PostgresServer server =
        PostgresServer.start(
            new PostgresServer.Spec(
                programs.installation(), runAs, dataDirectory, logFile(dataDirectory), all),
            START_TIMEOUT_MILLIS,
            Clock.SYSTEM);
    return new StockServer(dataDirectory, address, server);
  }

  static Path logFile(Path dataDirectory) {
    return dataDirectory.resolveSibling(dataDirectory.getFileName() + ".log");
  }

  HostPort address() {
    return address;
  }

  Path dataDirectory() {
    return dataDirectory;
  }

  /** Shuts down with a checkpoint. */
  @Override
  public void close() {
    try {
      if (!server.stop(PostgresServer.Shutdown.FAST, STOP_TIMEOUT_MILLIS)) {
        server.stopNow();
      }
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
    }
  }
}
