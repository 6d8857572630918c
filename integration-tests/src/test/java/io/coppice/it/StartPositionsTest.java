package io.coppice.it;

import static org.assertj.core.api.Assertions.assertThat;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.platform.Clock;
import io.coppice.common.rpc.HostPort;
import io.coppice.compute.postgres.Initdb;
import io.coppice.compute.postgres.PostgresInstallation;
import io.coppice.compute.postgres.PostgresServer;
import io.coppice.compute.postgres.RunAs;
import io.coppice.it.support.Ports;
import io.coppice.it.support.ServerLog;
import io.coppice.it.support.Sql;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A stock server of every major starts from a checkpoint that no server wrote, wherever it is: at
 * the start of a segment or a page, within a page, across two segments.
 */
@Tag("process")
@Timeout(300)
final class StartPositionsTest {
  private static final int SEGMENT = 16 << 20;
  private static final long TIMEOUT_MILLIS = 60_000;

  /** Segment by segment further on, so that one cluster can take them one after the other. */
  private static final List<Long> POSITIONS =
      List.of(4L * SEGMENT, 6L * SEGMENT + 8192, 8L * SEGMENT + 1000, 11L * SEGMENT - 64);

  @TempDir Path directory;

  private interface Work {
    void run(Connection connection) throws SQLException;
  }

  @ParameterizedTest
  @ValueSource(ints = {14, 15, 16, 17, 18})
  void startsWherever(int major)
      throws StorageException, IOException, SQLException, InterruptedException {
    Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("rwxr-xr-x"));
    PostgresInstallation installation = PostgresInstallation.find(Optional.empty(), major);
    RunAs runAs = RunAs.resolve(Optional.empty());
    Path data = Files.createDirectory(directory.resolve("data"));
    runAs.own(data);
    Initdb.run(installation, runAs, data, Optional.empty(), true);
    for (long position : POSITIONS) {
      Lsn start = ServerLog.replace(data, new Lsn(position), ServerLog.checkPoint(data));
      runAs.own(data);
      serve(
          installation,
          runAs,
          data,
          connection -> {
            Sql.run(connection, "create table t as select generate_series(1, 1000) i");
            assertThat(
                    Lsn.parse(Sql.one(connection, "select redo_lsn from pg_control_checkpoint()")))
                .isGreaterThanOrEqualTo(start);
          });
      serve(
          installation,
          runAs,
          data,
          connection -> {
            assertThat(Sql.number(connection, "select count(*) from t")).isEqualTo(1000);
            Sql.run(connection, "drop table t");
          });
    }
  }

  private void serve(PostgresInstallation installation, RunAs runAs, Path data, Work work)
      throws StorageException, IOException, SQLException, InterruptedException {
    HostPort address = Ports.free(1).getFirst();
    List<String> settings =
        List.of(
            "listen_addresses=127.0.0.1",
            "unix_socket_directories=",
            "fsync=off",
            "shared_buffers=16MB",
            "port=" + address.port());
    PostgresServer server =
        PostgresServer.start(
            new PostgresServer.Spec(
                installation, runAs, data, directory.resolve("server.log"), settings),
            TIMEOUT_MILLIS,
            Clock.SYSTEM);
    boolean stopped;
    try (Connection connection = Sql.connect(address, "postgres")) {
      work.run(connection);
    } finally {
      stopped = server.stop(PostgresServer.Shutdown.FAST, TIMEOUT_MILLIS);
      if (!stopped) {
        server.stopNow();
      }
    }
    assertThat(stopped).isTrue();
  }
}
