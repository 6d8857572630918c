package io.coppice.compute.endpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.TimelineId;
import io.coppice.compute.postgres.TestPostgres;
import io.coppice.compute.storage.BranchInfo;
import io.coppice.compute.storage.BranchPoint;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.OptionalInt;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInfo;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A stock Postgres on real storage. */
@Timeout(180)
final class EndpointLifecycleTest {
  private static final TimelineId DEV = new TimelineId(5, 6);

  @TempDir static Path directory;
  private static TestStorage storage;

  /** Each test has a branch of its own. */
  private TimelineId timeline;

  private String branch;

  @BeforeAll
  static void startStorage() throws Exception {
    storage = new TestStorage(TestPostgres.open(directory));
    storage.createTenant();
  }

  @AfterAll
  static void stopStorage() {
    storage.close();
  }

  @BeforeEach
  void createBranch(TestInfo test) throws StorageException {
    branch = test.getTestMethod().orElseThrow().getName();
    timeline = new TimelineId(7, branch.hashCode());
    storage
        .client()
        .createBranch(TestStorage.TENANT, timeline, branch, "main", new BranchPoint.Newest());
  }

  @Test
  void keepsWhatWasCommittedOverRestartsThatKeepNoFile() throws Exception {
    EndpointOutcome outcome;
    Path data;
    try (Endpoint endpoint = Endpoint.start(storage.endpoint(branch))) {
      data = endpoint.state().dataPath();
      assertThat(data.resolve("global/pg_control")).exists();
      execute(endpoint, "create table t (id int primary key, note text)");
      execute(endpoint, "insert into t select i, 'note ' || i from generate_series(1, 10000) i");
      assertThat(number(endpoint, "select count(*) from t")).isEqualTo(10_000);
      assertThat(endpoint.durations().totalMillis()).isPositive();
      assertThat(endpoint.durations().backupSizeBytes()).isGreaterThan(20_000_000);
      outcome = endpoint.stop();
      assertThat(outcome.status()).isEqualTo(EndpointStatus.STOPPED);
      assertThat(outcome.reason()).isEqualTo("stopped");
      assertThat(outcome.commitLsn()).isGreaterThan(endpoint.state().startLsn());
      assertThat(data).doesNotExist();
      assertThat(storage.registry().find(timeline).orElseThrow().status())
          .isEqualTo(EndpointStatus.STOPPED);
    }
    for (int round = 1; round <= 3; round++) {
      try (Endpoint endpoint = Endpoint.start(storage.endpoint(branch))) {
        assertThat(endpoint.state().startLsn()).isGreaterThanOrEqualTo(outcome.commitLsn());
        assertThat(number(endpoint, "select count(*) from t")).isEqualTo(9_999 + round);
        assertThat(number(endpoint, "select count(*) from t where note = 'note ' || id"))
            .isEqualTo(9_999 + round);
        int id = 10_000 + round;
        execute(endpoint, "insert into t values (%d, 'note %d')".formatted(id, id));
        outcome = endpoint.stop();
      }
    }
  }

  @Test
  void fencesTheEndpointThatRanBefore() throws Exception {
    Endpoint first = Endpoint.start(storage.endpoint(branch));
    execute(first, "create table t (id int)");
    execute(first, "insert into t values (1)");
    try (Endpoint second = Endpoint.start(storage.endpoint(branch))) {
      EndpointOutcome outcome = first.stopped().get(30, TimeUnit.SECONDS);
      assertThat(outcome.status()).isEqualTo(EndpointStatus.FENCED);
      assertThat(outcome.reason()).contains("fenced by a newer endpoint");
      assertThatThrownBy(() -> number(first, "select 1")).isInstanceOf(SQLException.class);
      assertThat(number(second, "select count(*) from t")).isEqualTo(1);
      execute(second, "insert into t values (2)");
      assertThat(storage.registry().find(timeline)).contains(second.state());
      assertThat(second.state().term()).isGreaterThan(first.state().term());
    }
  }

  @Test
  void endsWhenItsBranchIsDeleted() throws Exception {
    try (Endpoint endpoint = Endpoint.start(storage.endpoint(branch))) {
      storage.client().deleteBranch(TestStorage.TENANT, branch);
      EndpointOutcome outcome = endpoint.stopped().get(60, TimeUnit.SECONDS);
      assertThat(outcome.status()).isEqualTo(EndpointStatus.FAILED);
      assertThat(outcome.reason())
          .startsWith("safekeepers take no more of its WAL: timeline ")
          .contains("was deleted");
    }
  }

  @Test
  void commitsWithOneSafekeeperLessAndWaitsWithTwo(@TempDir Path own) throws Exception {
    try (TestStorage lossy = new TestStorage(TestPostgres.open(own))) {
      lossy.createTenant();
      loseSafekeepers(lossy);
    }
  }

  private static void loseSafekeepers(TestStorage lossy) throws Exception {
    try (Endpoint endpoint = Endpoint.start(lossy.endpoint("main").withTimeouts(60_000, 3_000))) {
      execute(endpoint, "create table t (id int)");
      lossy.stopSafekeeper(1);
      execute(endpoint, "insert into t values (1)");
      lossy.stopSafekeeper(2);
      FutureTask<Void> commit =
          new FutureTask<>(() -> {
            execute(endpoint, "insert into t values (2)");
            return null;
          });
      Thread.startVirtualThread(commit);
      assertThatThrownBy(() -> commit.get(1, TimeUnit.SECONDS))
          .isInstanceOf(java.util.concurrent.TimeoutException.class);
      EndpointOutcome outcome = endpoint.stop();
      assertThat(outcome.status()).isEqualTo(EndpointStatus.STOPPED);
      assertThat(outcome.reason()).contains("the quorum did not confirm");
      assertThatThrownBy(commit::get).hasRootCauseInstanceOf(java.io.EOFException.class);
    }
  }

  @Test
  void endsWhenPostgresIsKilled() throws Exception {
    try (Endpoint endpoint = Endpoint.start(storage.endpoint(branch))) {
      execute(endpoint, "create table t (id int)");
      ProcessHandle.of(endpoint.state().postmasterPid()).orElseThrow().destroyForcibly();
      EndpointOutcome outcome = endpoint.awaitStopped();
      assertThat(outcome.status()).isEqualTo(EndpointStatus.FAILED);
      assertThat(outcome.reason()).contains("Postgres ended with code 137");
    }
    try (Endpoint again = Endpoint.start(storage.endpoint(branch))) {
      assertThat(number(again, "select count(*) from t")).isZero();
    }
  }

  @Test
  void startsBranchesAsTheDataWasThen() throws Exception {
    Lsn then;
    try (Endpoint main = Endpoint.start(storage.endpoint(branch))) {
      execute(main, "create table t as select generate_series(1, 1000) as id");
      then = Lsn.parse(text(main, "select pg_current_wal_lsn()"));
      execute(main, "delete from t");
      BranchInfo created =
          storage
              .client()
              .createBranch(TestStorage.TENANT, DEV, "dev", branch, new BranchPoint.AtLsn(then));
      assertThat(created.ancestorName()).contains(branch);
      try (Endpoint dev = Endpoint.start(storage.endpoint("dev"))) {
        assertThat(number(dev, "select count(*) from t")).isEqualTo(1_000);
        execute(dev, "insert into t values (0)");
        assertThat(number(dev, "select count(*) from t")).isEqualTo(1_001);
        assertThat(number(main, "select count(*) from t")).isZero();
        assertThat(storage.registry().list())
            .extracting(EndpointState::branch)
            .contains("dev", branch);
      }
      try (Endpoint dev = Endpoint.start(storage.endpoint(DEV.toString()))) {
        assertThat(number(dev, "select count(*) from t")).isEqualTo(1_001);
      }
    }
  }

  @Test
  void saysWhatIsWrong() throws Exception {
    assertThatThrownBy(() -> Endpoint.start(storage.endpoint("nope")))
        .isInstanceOf(StorageException.NotFound.class)
        .hasMessageContaining("nope");
    try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.ofLiteral("127.0.0.1"))) {
      OptionalInt port = OptionalInt.of(taken.getLocalPort());
      assertThatThrownBy(() -> Endpoint.start(storage.endpoint(branch).withPort(port)))
          .isInstanceOf(StorageException.Precondition.class)
          .hasMessageContaining("in use");
    }
    assertThatThrownBy(() ->
            Endpoint.start(
                storage
                    .endpoint(branch)
                    .withSettings(java.util.Map.of("shared_buffers", "nonsense"))))
        .isInstanceOf(StorageException.Transient.class)
        .hasMessageContaining("shared_buffers");
    EndpointState failed = storage.registry().find(timeline).orElseThrow();
    assertThat(failed.status()).isEqualTo(EndpointStatus.FAILED);
    assertThat(failed.reason()).contains("shared_buffers");
    assertThat(failed.dataPath()).doesNotExist();
  }

  private static Connection connect(Endpoint endpoint) throws SQLException {
    return DriverManager.getConnection(
        "jdbc:postgresql://127.0.0.1:%d/postgres?user=postgres".formatted(endpoint.port()));
  }

  private static void execute(Endpoint endpoint, String sql) throws SQLException {
    try (Connection connection = connect(endpoint);
        Statement statement = connection.createStatement()) {
      statement.execute(sql);
    }
  }

  private static String text(Endpoint endpoint, String sql) throws SQLException {
    try (Connection connection = connect(endpoint);
        Statement statement = connection.createStatement();
        ResultSet row = statement.executeQuery(sql)) {
      assertThat(row.next()).isTrue();
      return row.getString(1);
    }
  }

  private static long number(Endpoint endpoint, String sql) throws SQLException {
    return Long.parseLong(text(endpoint, sql));
  }
}
