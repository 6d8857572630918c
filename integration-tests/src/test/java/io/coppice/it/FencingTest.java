package io.coppice.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.coppice.common.error.StorageException;
import io.coppice.common.rpc.HostPort;
import io.coppice.compute.endpoint.Endpoint;
import io.coppice.compute.storage.BranchInfo;
import io.coppice.it.support.Ports;
import io.coppice.it.support.Sql;
import java.io.IOException;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;

/** One branch has one writer. */
@Tag("process")
@Timeout(value = 5, unit = TimeUnit.MINUTES)
final class FencingTest {
  private static final int END_SECONDS = 30;

  @RegisterExtension final Cluster cluster = new Cluster();

  private ChildProcess startFirst(HostPort address)
      throws StorageException, IOException, InterruptedException, SQLException {
    cluster.startAll();
    cluster.succeed("tenant", "create", "fencing");
    BranchInfo main = cluster.branch("main");
    ChildProcess first = cluster.startEndpointProcess("first", main, address);
    try (Connection connection = Sql.connect(address, "postgres")) {
      Sql.run(connection, "create table t (id int)", "insert into t values (1)");
    }
    return first;
  }

  @Test
  void aSecondEndpointEndsTheFirst()
      throws StorageException, IOException, InterruptedException, SQLException {
    HostPort address = Ports.free(1).getFirst();
    ChildProcess first = startFirst(address);
    try (Endpoint second = Endpoint.start(cluster.endpoint("main"))) {
      assertThat(first.awaitExit(END_SECONDS)).as(first.logTail()).isPresent();
      assertThat(first.logTail()).contains("fenced by a newer endpoint");
      assertThatThrownBy(() -> Sql.connect(address, "postgres").close())
          .isInstanceOf(SQLException.class);
      try (Connection connection = Sql.connect(serverOf(second), "postgres")) {
        Sql.run(connection, "insert into t values (2)");
        assertThat(Sql.rows(connection, "select id from t order by 1"))
            .containsExactly(List.of("1"), List.of("2"));
      }
    }
  }

  @Test
  void anOldEndpointThatWakesUpCommitsNothing()
      throws StorageException, IOException, InterruptedException, SQLException {
    HostPort address = Ports.free(1).getFirst();
    ChildProcess first = startFirst(address);
    try (Connection old = Sql.connect(address, "postgres")) {
      signal(first.pid(), "STOP");
      try (Endpoint second = Endpoint.start(cluster.endpoint("main"))) {
        // Its Postgres still runs and takes the insert, but nobody confirms the commit.
        Thread writer = Thread.ofPlatform().start(() -> insertInVain(old));
        signal(first.pid(), "CONT");
        assertThat(first.awaitExit(END_SECONDS)).as(first.logTail()).isPresent();
        writer.join();
        assertThat(committedInVain).isFalse();
        try (Connection connection = Sql.connect(serverOf(second), "postgres")) {
          assertThat(Sql.rows(connection, "select id from t")).containsExactly(List.of("1"));
        }
      }
    } finally {
      signal(first.pid(), "CONT");
    }
  }

  private volatile boolean committedInVain;

  private void insertInVain(Connection old) {
    try {
      Sql.run(old, "insert into t values (3)");
      committedInVain = true;
    } catch (SQLException _) {
      committedInVain = false;
    }
  }

  private static HostPort serverOf(Endpoint endpoint) {
    return new HostPort("127.0.0.1", endpoint.port());
  }

  private static void signal(long pid, String name) throws IOException, InterruptedException {
    new ProcessBuilder("kill", "-" + name, Long.toString(pid)).start().waitFor();
  }
}
