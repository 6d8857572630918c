package io.coppice.compute.bootstrap;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.TenantId;
import io.coppice.common.id.TimelineId;
import io.coppice.common.platform.Clock;
import io.coppice.compute.archive.TarUnpacker;
import io.coppice.compute.postgres.PostgresServer;
import io.coppice.compute.postgres.RunAs;
import io.coppice.compute.postgres.TestPostgres;
import io.coppice.compute.storage.FakePageserver;
import io.coppice.compute.storage.PageserverClient;
import io.coppice.compute.storage.TenantInfo;
import java.io.ByteArrayInputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(120)
final class ClusterBootstrapTest {
  private static final TenantId TENANT = new TenantId(1, 2);
  private static final TimelineId TIMELINE = new TimelineId(3, 4);

  @TempDir Path directory;

  @Test
  void importsAClusterThatAStockServerStartsFrom() throws Exception {
    RunAs user = TestPostgres.user();
    Path work = TestPostgres.open(directory).resolve("work");
    try (FakePageserver server = new FakePageserver();
        PageserverClient client = server.client()) {
      TenantInfo tenant =
          ClusterBootstrap.create(spec(user, work, Optional.empty()), client, Clock.SYSTEM);
      assertThat(tenant.id()).isEqualTo(TENANT);
      assertThat(tenant.root().name()).isEqualTo("main");
      assertThat(work).isEmptyDirectory();

      Path data = Files.createDirectory(directory.resolve("data"));
      TarUnpacker.unpackData(new ByteArrayInputStream(server.imported()), data);
      assertThat(data.resolve("pg_wal/000000010000000000000001")).isRegularFile();
      assertThat(data.resolve("global/pg_control")).hasSize(8192);
      startAndStop(user, data);
    }
  }

  @Test
  void leavesNothingBehindWhenTheImportIsRefused() throws Exception {
    Path work = TestPostgres.open(directory).resolve("work");
    try (FakePageserver server = new FakePageserver();
        PageserverClient client = server.client()) {
      server.refuseImportsAbove(1_000_000);
      assertThatThrownBy(() ->
              ClusterBootstrap.create(
                  spec(TestPostgres.user(), work, Optional.empty()), client, Clock.SYSTEM))
          .isInstanceOf(StorageException.Conflict.class);
      assertThat(work).isEmptyDirectory();
    }
  }

  @Test
  void showsWhatInitdbSaidWhenItFails() throws Exception {
    Path work = TestPostgres.open(directory).resolve("work");
    try (FakePageserver server = new FakePageserver();
        PageserverClient client = server.client()) {
      assertThatThrownBy(() ->
              ClusterBootstrap.create(
                  spec(TestPostgres.user(), work, Optional.of("xx_NOWHERE")), client, Clock.SYSTEM))
          .isInstanceOf(StorageException.Precondition.class)
          .hasMessageContaining("xx_NOWHERE");
      assertThat(work).isEmptyDirectory();
    }
  }

  private static BootstrapSpec spec(RunAs user, Path work, Optional<String> locale)
      throws Exception {
    return new BootstrapSpec(
        TENANT, "shop", TIMELINE, "main", TestPostgres.installation(), user, work, locale, true);
  }

  private void startAndStop(RunAs user, Path data) throws Exception {
    user.own(data);
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
    assertThat(server.stop(PostgresServer.Shutdown.FAST, 60_000)).isTrue();
    assertThat(Files.readString(directory.resolve("log")))
        .contains("database system was shut down")
        .doesNotContain("recovery");
  }
}
