package io.coppice.it;

import static org.assertj.core.api.Assertions.assertThat;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.TenantId;
import io.coppice.common.platform.Ids;
import io.coppice.common.rpc.HostPort;
import io.coppice.compute.endpoint.Endpoint;
import io.coppice.compute.storage.BranchDifference;
import io.coppice.compute.storage.BranchInfo;
import io.coppice.compute.storage.BranchPoint;
import io.coppice.compute.storage.PageserverClient;
import io.coppice.compute.storage.TimeAtLsn;
import io.coppice.it.support.Sql;
import java.io.IOException;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;

/** A branch is its parent as it was, and then goes its own way. */
@Tag("process")
@Timeout(value = 10, unit = TimeUnit.MINUTES)
final class BranchingTest {
  private static final int COMMITS = 16;
  private static final long WAIT_MILLIS = 60_000;
  private static final String FINGERPRINT =
      "select count(*) || ' ' || coalesce(sum(hashtextextended(t::text, 0)), 0) from t";

  @RegisterExtension final Cluster cluster = new Cluster("pageserver.open_layer_size_max=8MB");

  /**
   * The table after a commit.
   *
   * @param lsn behind the commit and before the next one
   * @param between the server's time, behind the commit and before the next one
   */
  private record Moment(Lsn lsn, Instant between, String fingerprint) {}

  @Test
  void branchesHoldTheStateOfTheirMoment()
      throws StorageException, IOException, SQLException, InterruptedException {
    cluster.startAll();
    cluster.succeed("tenant", "create", "branching");
    List<Moment> moments;
    try (Endpoint main = Endpoint.start(cluster.endpoint("main"))) {
      moments = makeHistory(server(main));
      Lsn newest = moments.getLast().lsn();
      cluster.client().waitForLsn(tenant(), "main", newest, WAIT_MILLIS);
      for (int i = 1; i < COMMITS; i += 5) {
        Moment moment = moments.get(i);
        expect(moment, branch("lsn-" + i, "main", new BranchPoint.AtLsn(moment.lsn())));
        expect(moment, branch("time-" + i, "main", new BranchPoint.AtTime(moment.between())));
      }
      expectExactCommitTimes(moments);
      expectBranchOfBranch(moments);
      // All of this went on beside a running parent, which has not changed.
      assertThat(fingerprint(server(main))).isEqualTo(moments.getLast().fingerprint());
    }
    expectRestored(moments);
  }

  /** The name goes back, what it was stays, and what differs is the table and little else. */
  private void expectRestored(List<Moment> moments)
      throws StorageException, SQLException, InterruptedException {
    Moment then = moments.get(5);
    BranchInfo before = cluster.branch("main");
    BranchInfo restored =
        cluster
            .client()
            .branches()
            .restore(
                before.id(),
                Ids.newTimelineId(Ids.secureRandom()),
                new BranchPoint.AtLsn(then.lsn()),
                Optional.of("undone"));
    assertThat(restored.name()).isEqualTo("main");
    assertThat(restored.timeline()).isNotEqualTo(before.timeline());
    assertThat(cluster.branch("undone").timeline()).isEqualTo(before.timeline());
    assertThat(cluster.branch("main").logicalSizeBytes().orElseThrow()).isPositive();
    branch("same", "main", new BranchPoint.Newest());
    assertThat(cluster.client().branches().diff(tenant(), "main", "same").relations()).isEmpty();
    int table;
    try (Endpoint main = Endpoint.start(cluster.endpoint("main"))) {
      assertThat(fingerprint(server(main))).isEqualTo(then.fingerprint());
      try (Connection connection = Sql.connect(server(main), "postgres")) {
        table = Integer.parseInt(Sql.one(connection, "select pg_relation_filenode('t')"));
        Sql.run(connection, "delete from t", "vacuum t");
      }
    }
    BranchDifference difference = cluster.client().branches().diff(tenant(), "main", "undone");
    assertThat(difference.forkLsn()).isEqualTo(restored.startLsn());
    assertThat(difference.relations())
        .filteredOn(relation -> relation.tag().relNumber() == table && relation.tag().fork() == 0)
        .singleElement()
        .satisfies(relation -> {
          assertThat(relation.blocksA()).hasValue(0);
          assertThat(relation.differingBlocks()).isEqualTo(relation.blocksB().orElseThrow());
        });
    try (Endpoint undone = Endpoint.start(cluster.endpoint("undone"))) {
      assertThat(fingerprint(server(undone))).isEqualTo(moments.getLast().fingerprint());
    }
  }

  private TenantId tenant() throws StorageException {
    return cluster.tenant().id();
  }

  private static HostPort server(Endpoint endpoint) {
    return new HostPort("127.0.0.1", endpoint.port());
  }

  private static List<Moment> makeHistory(HostPort server) throws SQLException {
    List<Moment> moments = new ArrayList<>();
    try (Connection connection = Sql.connect(server, "postgres")) {
      Sql.run(connection, "create table t (id int primary key, v text)", "create index on t (v)");
      for (int i = 0; i < COMMITS; i++) {
        connection.setAutoCommit(false);
        Sql.run(
            connection,
            "insert into t select %d * 1000 + j, md5(j::text) from generate_series(1, 300) j"
                .formatted(i),
            "update t set v = v || 'u%d' where id %% %d = 0".formatted(i, 2 + i),
            "delete from t where id %% 17 = %d".formatted(i % 17));
        connection.commit();
        connection.setAutoCommit(true);
        List<List<String>> row =
            Sql.rows(
                connection,
                "select pg_current_wal_lsn(), (extract(epoch from clock_timestamp())"
                    + " * 1000000)::bigint, pg_sleep(0.01)");
        moments.add(
            new Moment(
                Lsn.parse(row.getFirst().get(0)),
                Instant.EPOCH.plus(Long.parseLong(row.getFirst().get(1)), ChronoUnit.MICROS),
                Sql.one(connection, FINGERPRINT)));
      }
    }
    return moments;
  }

  private BranchInfo branch(String name, String parent, BranchPoint at) throws StorageException {
    return cluster
        .client()
        .createBranch(tenant(), Ids.newTimelineId(Ids.secureRandom()), name, parent, at);
  }

  private static String fingerprint(HostPort server) throws SQLException {
    try (Connection connection = Sql.connect(server, "postgres")) {
      String byHeap = Sql.one(connection, FINGERPRINT);
      Sql.run(connection, "set enable_seqscan = off", "set enable_bitmapscan = off");
      assertThat(Sql.one(connection, FINGERPRINT + " where id > -100000")).isEqualTo(byHeap);
      return byHeap;
    }
  }

  private void expect(Moment moment, BranchInfo branch)
      throws StorageException, SQLException, InterruptedException {
    try (Endpoint endpoint = Endpoint.start(cluster.endpoint(branch.name()))) {
      assertThat(fingerprint(server(endpoint)))
          .as("branch %s at %s", branch.name(), branch.startLsn())
          .isEqualTo(moment.fingerprint());
      try (Connection connection = Sql.connect(server(endpoint), "postgres")) {
        Sql.run(connection, "delete from t", "vacuum t");
      }
    }
  }

  /** At a commit's own time it is there, a microsecond earlier it is not. */
  private void expectExactCommitTimes(List<Moment> moments)
      throws StorageException, SQLException, InterruptedException {
    PageserverClient client = cluster.client();
    Moment moment = moments.get(7);
    Moment before = moments.get(6);
    TimeAtLsn commit = client.timeAtLsn(tenant(), "main", moment.lsn());
    assertThat(commit.commitTime()).isBefore(moment.between()).isAfter(before.between());
    Instant exact = commit.commitTime();
    expect(moment, branch("exact", "main", new BranchPoint.AtTime(exact)));
    expect(
        before,
        branch("just-before", "main", new BranchPoint.AtTime(exact.minus(1, ChronoUnit.MICROS))));
    // At the time of the last commit the answer is the newest state, which may be behind it.
    for (int i = 1; i < COMMITS - 1; i++) {
      TimeAtLsn each = client.timeAtLsn(tenant(), "main", moments.get(i).lsn());
      assertThat(client.lsnAtTime(tenant(), "main", each.commitTime()).lsn())
          .isEqualTo(each.commitLsn());
      assertThat(
              client
                  .lsnAtTime(tenant(), "main", each.commitTime().minus(1, ChronoUnit.MICROS))
                  .lsn()
                  .isBefore(each.commitLsn()))
          .isTrue();
    }
  }

  private void expectBranchOfBranch(List<Moment> moments)
      throws StorageException, SQLException, InterruptedException {
    Moment fork = moments.get(10);
    branch("child", "main", new BranchPoint.AtLsn(fork.lsn()));
    String written;
    Lsn writtenAt;
    try (Endpoint child = Endpoint.start(cluster.endpoint("child"))) {
      try (Connection connection = Sql.connect(server(child), "postgres")) {
        Sql.run(connection, "insert into t select -i, 'child' from generate_series(1, 1000) i");
        written = Sql.one(connection, FINGERPRINT);
        writtenAt = Lsn.parse(Sql.one(connection, "select pg_current_wal_lsn()"));
        Sql.run(connection, "truncate t");
      }
      cluster.client().waitForLsn(tenant(), "child", writtenAt, WAIT_MILLIS);
      BranchInfo grandchild = branch("grandchild", "child", new BranchPoint.AtLsn(writtenAt));
      expect(new Moment(writtenAt, Instant.EPOCH, written), grandchild);
      // The grandchild emptied its table and the child its own: neither shows elsewhere.
      try (Connection connection = Sql.connect(server(child), "postgres")) {
        assertThat(Sql.one(connection, "select count(*) from t")).isEqualTo("0");
        Sql.run(connection, "insert into t values (1, 'again')");
      }
    }
    expect(fork, branch("sibling", "main", new BranchPoint.AtLsn(fork.lsn())));
    // A branch that nobody wrote to passes its parent's state on.
    branch("unwritten", "main", new BranchPoint.AtLsn(fork.lsn()));
    expect(fork, branch("through-unwritten", "unwritten", new BranchPoint.Newest()));
  }
}
