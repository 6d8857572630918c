package io.coppice.compute.bootstrap;

import static org.assertj.core.api.Assertions.assertThat;

import io.coppice.common.id.TenantId;
import io.coppice.common.id.TimelineId;
import io.coppice.common.objectstore.ObjectStoreConfig;
import io.coppice.common.platform.Clock;
import io.coppice.common.rpc.HostPort;
import io.coppice.compute.archive.TarUnpacker;
import io.coppice.compute.postgres.PostgresServer;
import io.coppice.compute.postgres.RunAs;
import io.coppice.compute.postgres.TestPostgres;
import io.coppice.compute.storage.PageserverClient;
import io.coppice.compute.storage.TenantInfo;
import io.coppice.pageserver.server.Pageserver;
import io.coppice.pageserver.server.PageserverConfig;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * A new cluster, through a real page server, to a stock server that starts from its base backup.
 */
@Timeout(120)
final class RealImportTest {
  private static final TenantId TENANT = new TenantId(1, 2);
  private static final TimelineId MAIN = new TimelineId(3, 4);
  private static final String MEASURED_LATER = "logicalSizeBytes";

  @TempDir Path directory;

  @Test
  void startsFromABaseBackupOfWhatWasImported() throws Exception {
    RunAs user = TestPostgres.user();
    TestPostgres.open(directory);
    PageserverConfig config =
        PageserverConfig.of(
            directory.resolve("pageserver"),
            new HostPort("127.0.0.1", 0),
            List.of(),
            ObjectStoreConfig.ofDirectory(directory.resolve("objects")));
    try (Pageserver pageserver = Pageserver.start(config);
        PageserverClient client =
            PageserverClient.open(new HostPort("127.0.0.1", pageserver.port()))) {
      TenantInfo tenant =
          ClusterBootstrap.create(
              new BootstrapSpec(
                  TENANT,
                  "shop",
                  MAIN,
                  "main",
                  TestPostgres.installation(),
                  user,
                  directory.resolve("work"),
                  Optional.empty(),
                  true),
              client,
              Clock.SYSTEM);
      assertThat(client.listTenants()).containsExactly(tenant);
      assertThat(client.listBranches(TENANT))
          .usingRecursiveFieldByFieldElementComparatorIgnoringFields(MEASURED_LATER)
          .containsExactly(tenant.root());
      assertThat(client.getBranch(TENANT, "main"))
          .usingRecursiveComparison()
          .ignoringFields(MEASURED_LATER)
          .isEqualTo(tenant.root());

      Path data = Files.createDirectory(directory.resolve("data"));
      try (InputStream backup = client.baseBackup(tenant.root().id(), tenant.root().startLsn())) {
        TarUnpacker.unpackData(backup, data);
      }
      user.own(data);
      writeAndRead(user, data);
    }
  }

  private void writeAndRead(RunAs user, Path data) throws Exception {
    int port;
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      port = socket.getLocalPort();
    }
    PostgresServer server =
        PostgresServer.start(
            new PostgresServer.Spec(
                TestPostgres.installation(),
                user,
                data,
                directory.resolve("log"),
                List.of("port=" + port, "unix_socket_directories=", "fsync=off")),
            60_000,
            Clock.SYSTEM);
    try (Connection connection =
            DriverManager.getConnection(
                "jdbc:postgresql://127.0.0.1:%d/postgres?user=postgres".formatted(port));
        var statement = connection.createStatement()) {
      statement.execute("create table t as select generate_series(1, 100000) as id");
      statement.execute("create database other");
      try (ResultSet row = statement.executeQuery("select count(*) from t")) {
        assertThat(row.next()).isTrue();
        assertThat(row.getInt(1)).isEqualTo(100_000);
      }
    } finally {
      assertThat(server.stop(PostgresServer.Shutdown.FAST, 60_000)).isTrue();
    }
    assertThat(Files.readString(directory.resolve("log")))
        .contains("database system was shut down")
        .doesNotContain("WARNING", "ERROR", "PANIC");
  }
}
