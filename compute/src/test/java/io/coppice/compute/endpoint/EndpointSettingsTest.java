package io.coppice.compute.endpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.coppice.common.error.StorageException;
import io.coppice.common.platform.Clock;
import io.coppice.compute.postgres.Initdb;
import io.coppice.compute.postgres.PostgresInstallation;
import io.coppice.compute.postgres.PostgresServer;
import io.coppice.compute.postgres.RunAs;
import io.coppice.compute.postgres.TestPostgres;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(120)
final class EndpointSettingsTest {
  @TempDir Path directory;

  @ParameterizedTest
  @ValueSource(
      strings = {"fsync", "synchronous_standby_names", "port", "restart_after_crash", "hba_file"})
  void refusesWhatDurabilityHangsOn(String name) {
    assertThatThrownBy(() -> EndpointSettings.check(Map.of(name, "x")))
        .isInstanceOf(StorageException.Invalid.class)
        .hasMessageContaining(name);
  }

  @Test
  void refusesWhatWouldBreakOutOfTheFile() {
    assertThatThrownBy(() -> EndpointSettings.check(Map.of("work_mem = 1\nfsync", "on")))
        .isInstanceOf(StorageException.Invalid.class);
    assertThatThrownBy(() -> EndpointSettings.check(Map.of("work_mem", "1\nfsync=on")))
        .isInstanceOf(StorageException.Invalid.class);
    assertThatThrownBy(() -> EndpointSettings.check(Map.of("wal_level", "minimal")))
        .isInstanceOf(StorageException.Invalid.class);
    assertThatCode(() ->
            EndpointSettings.check(Map.of("wal_level", "logical", "pg_stat_statements.max", "100")))
        .doesNotThrowAnyException();
  }

  @Test
  void holdsAgainstAlterSystem() throws Exception {
    PostgresInstallation installation = TestPostgres.installation();
    RunAs user = TestPostgres.user();
    Path data = Files.createDirectory(TestPostgres.open(directory).resolve("data"));
    user.own(data);
    Initdb.run(installation, user, data, Optional.empty(), false);
    Map<String, String> overrides = Map.of("work_mem", "7MB", "coppice.note", "a'b\\c");
    EndpointSettings.write(data, "dev/umlaut-ü", overrides);
    user.own(data);
    int port = Ports.findFree();
    PostgresServer server =
        PostgresServer.start(
            new PostgresServer.Spec(
                installation, user, data, directory.resolve("log"), EndpointSettings.fixed(port)),
            60_000,
            Clock.SYSTEM);
    try (Connection connection = connect(port);
        Statement statement = connection.createStatement()) {
      assertThat(show(statement, "work_mem")).isEqualTo("7MB");
      assertThat(show(statement, "coppice.note")).isEqualTo("a'b\\c");
      assertThat(show(statement, "cluster_name")).isEqualTo("coppice:dev/umlaut-?");
      assertThat(show(statement, "wal_level")).isEqualTo("replica");
      assertThat(show(statement, "restart_after_crash")).isEqualTo("off");
      statement.execute("alter system set synchronous_standby_names = ''");
      statement.execute("alter system set restart_after_crash = on");
      statement.execute("select pg_reload_conf(), pg_sleep(0.3)");
      assertThat(show(statement, "synchronous_standby_names")).isEqualTo("coppice");
      assertThat(show(statement, "restart_after_crash")).isEqualTo("off");
    } finally {
      server.stopNow();
    }
    assertThat(Ports.isFree(port)).isTrue();
  }

  private static Connection connect(int port) throws SQLException {
    return DriverManager.getConnection(
        "jdbc:postgresql://127.0.0.1:%d/postgres?user=postgres".formatted(port));
  }

  private static String show(Statement statement, String name) throws SQLException {
    try (ResultSet row = statement.executeQuery("show " + name)) {
      assertThat(row.next()).isTrue();
      return row.getString(1);
    }
  }
}
