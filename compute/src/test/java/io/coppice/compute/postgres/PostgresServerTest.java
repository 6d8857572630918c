package io.coppice.compute.postgres;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.coppice.common.error.StorageException;
import io.coppice.common.platform.Clock;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(120)
final class PostgresServerTest {
  private static final long TIMEOUT_MILLIS = 60_000;

  @TempDir Path directory;
  private Path data;
  private PostgresInstallation installation;
  private RunAs user;
  private int port;

  @BeforeEach
  void makeCluster() throws Exception {
    installation = TestPostgres.installation();
    user = TestPostgres.user();
    data = Files.createDirectory(TestPostgres.open(directory).resolve("data"));
    user.own(data);
    Initdb.run(installation, user, data, Optional.empty(), false);
    port = freePort();
  }

  @Test
  void answersWhenStartedAndLeavesACleanDirectoryWhenStopped() throws Exception {
    PostgresServer server = start(List.of());
    try (Connection connection =
            DriverManager.getConnection(
                "jdbc:postgresql://127.0.0.1:%d/postgres?user=postgres".formatted(port));
        ResultSet row = connection.createStatement().executeQuery("show fsync")) {
      assertThat(row.next()).isTrue();
      assertThat(row.getString(1)).isEqualTo("off");
    } finally {
      assertThat(server.stop(PostgresServer.Shutdown.FAST, TIMEOUT_MILLIS)).isTrue();
    }
    assertThat(server.onExit().get(1, TimeUnit.SECONDS)).isZero();
    assertThat(server.logTail()).contains("database system is shut down");
    assertThat(data.resolve("postmaster.pid")).doesNotExist();
  }

  @Test
  void showsTheLogOfAServerThatDoesNotStart() {
    assertThatThrownBy(() -> start(List.of("shared_buffers=nonsense")))
        .isInstanceOf(StorageException.Transient.class)
        .hasMessageContaining("ended with code 1")
        .hasMessageContaining("shared_buffers");
  }

  @Test
  void endsAServerThatWasLeftBehind() throws Exception {
    PostgresServer server = start(List.of());
    long pid = server.pid();
    assertThat(PostgresServer.stopLeftover(data, Clock.SYSTEM)).contains(pid);
    assertThat(server.onExit().get(10, TimeUnit.SECONDS)).isNotNegative();
    assertThat(PostgresServer.stopLeftover(data, Clock.SYSTEM)).isEmpty();
  }

  @Test
  void leavesAProcessAloneThatOnlyHasTheSamePid() throws Exception {
    Process stranger = new ProcessBuilder("sleep", "60").start();
    try {
      Files.writeString(
          data.resolve("postmaster.pid"),
          "%d\n%s\n%d\n%d\n\n127.0.0.1\n\nready\n"
              .formatted(stranger.pid(), data, Clock.SYSTEM.now().getEpochSecond(), port));
      assertThat(PostgresServer.stopLeftover(data, Clock.SYSTEM)).isEmpty();
      assertThat(stranger.isAlive()).isTrue();
    } finally {
      stranger.destroyForcibly();
    }
  }

  @Test
  void endsAtOnceWhenFenced() throws Exception {
    PostgresServer server = start(List.of());
    server.stopNow();
    assertThat(server.isAlive()).isFalse();
    // No checkpoint was written: the pid file is gone, but the cluster was in production.
    assertThat(server.logTail()).contains("immediate shutdown request");
  }

  private PostgresServer start(List<String> more) throws Exception {
    List<String> settings = new java.util.ArrayList<>();
    settings.addAll(
        List.of(
            "port=" + port, "listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off"));
    settings.addAll(more);
    return PostgresServer.start(
        new PostgresServer.Spec(installation, user, data, directory.resolve("log"), settings),
        TIMEOUT_MILLIS,
        Clock.SYSTEM);
  }

  private static int freePort() throws IOException {
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return socket.getLocalPort();
    }
  }
}
