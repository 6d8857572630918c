package io.coppice.it;

import static org.assertj.core.api.Assertions.assertThat;

import io.coppice.common.error.StorageException;
import io.coppice.common.rpc.HostPort;
import io.coppice.compute.endpoint.Endpoint;
import io.coppice.compute.storage.BranchInfo;
import io.coppice.it.support.Ports;
import io.coppice.it.support.Sql;
import java.io.IOException;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;

/**
 * An endpoint under load is killed, and a process that stands by goes on for it, at the same port,
 * without anybody's help. No acknowledged commit is lost.
 */
@Tag("process")
@Timeout(value = 10, unit = TimeUnit.MINUTES)
final class StandbyTest {
  private static final int CLIENTS = 2;
  private static final int COMMITS = 100;
  private static final long PROGRESS_MILLIS = 60_000;
  private static final int END_SECONDS = 60;
  private static final long UNEVENTFUL_MILLIS = 5_000;

  @RegisterExtension final Cluster cluster = new Cluster();

  private enum Loss {
    /** Of the machine. */
    ALL_KILLED,
    /** What it has left must not be in the way. */
    SUPERVISOR_KILLED
  }

  @Test
  void goesOnWhereAnEndpointWasLost()
      throws StorageException, IOException, InterruptedException, SQLException {
    cluster.startAll();
    cluster.succeed("tenant", "create", "standby");
    BranchInfo main = cluster.branch("main");
    HostPort server = Ports.free(1).getFirst();
    ChildProcess running = cluster.startEndpointProcess("endpoint", main, server);
    try (Connection connection = Sql.connect(server, "postgres")) {
      Ledger.createTable(connection);
    }
    Ledger ledger = Ledger.start(() -> server, CLIENTS);
    try (ledger) {
      for (Loss loss : Loss.values()) {
        ChildProcess standby = cluster.startStandbyProcess("standby-" + loss, main, server);
        assertThat(ledger.awaitProgress(COMMITS, PROGRESS_MILLIS)).isTrue();
        lose(running, loss);
        assertThat(ledger.awaitProgress(COMMITS, PROGRESS_MILLIS))
            .as("commits after %s:%n%s", loss, standby.logTail())
            .isTrue();
        assertThat(standby.logTail()).contains("postgresql://postgres@");
        running = standby;
      }
      ChildProcess idle = cluster.startStandbyProcess("idle", main, server);
      cluster.safekeeper(2).kill9();
      assertThat(idle.awaitExit(1)).isEmpty();
      cluster.startSafekeeper(2);
      restartAQuorum(ledger);
      assertThat(running.isAlive()).as(running.logTail()).isTrue();
      assertThat(idle.stop(END_SECONDS)).hasValue(0);
      assertThat(idle.logTail()).doesNotContain("postgresql://postgres@");
    }
    running.kill9All();
    try (Endpoint last = Endpoint.start(cluster.endpoint("main"));
        Connection connection = Sql.connect(new HostPort("127.0.0.1", last.port()), "postgres")) {
      ledger.check(connection);
    }
  }

  private static void lose(ChildProcess running, Loss loss)
      throws IOException, InterruptedException {
    switch (loss) {
      case ALL_KILLED -> running.kill9All();
      case SUPERVISOR_KILLED -> running.kill9();
    }
  }

  /** To what was away, a proposer does not come back at once. */
  private void restartAQuorum(Ledger ledger) throws IOException, InterruptedException {
    cluster.safekeeper(1).kill9();
    cluster.safekeeper(3).kill9();
    var _ = ledger.awaitProgress(Integer.MAX_VALUE, UNEVENTFUL_MILLIS);
    cluster.startSafekeeper(1);
    cluster.startSafekeeper(3);
    assertThat(ledger.awaitProgress(COMMITS, PROGRESS_MILLIS)).isTrue();
  }
}
