package io.coppice.it;

import static org.assertj.core.api.Assertions.assertThat;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.rpc.HostPort;
import io.coppice.compute.endpoint.Endpoint;
import io.coppice.compute.postgres.DirectoryTrees;
import io.coppice.compute.storage.BranchInfo;
import io.coppice.it.support.Sql;
import java.io.IOException;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;

/** What was there before a stop is there after the next start. */
@Tag("process")
@Timeout(value = 6, unit = TimeUnit.MINUTES)
final class RestartTest {
  private static final int STOP_SECONDS = 30;
  private static final String FINGERPRINT =
      "select count(*) || ' ' || sum(hashtextextended(t::text, 0)) from t";

  @RegisterExtension final Cluster cluster = new Cluster("pageserver.open_layer_size_max=4MB");

  private String writeRows(String branch, int from)
      throws StorageException, SQLException, InterruptedException {
    try (Endpoint endpoint = Endpoint.start(cluster.endpoint(branch));
        Connection connection = connect(endpoint)) {
      Sql.run(
          connection,
          "create table if not exists t (id int primary key, v text)",
          "insert into t select i, md5(i::text) from generate_series(%d, %d) i"
              .formatted(from, from + 49_999),
          "update t set v = 'u' where id % 5 = 0");
      return Sql.one(connection, FINGERPRINT);
    }
  }

  private String readRows(String branch)
      throws StorageException, SQLException, InterruptedException {
    try (Endpoint endpoint = Endpoint.start(cluster.endpoint(branch));
        Connection connection = connect(endpoint)) {
      return Sql.one(connection, FINGERPRINT);
    }
  }

  private static Connection connect(Endpoint endpoint) throws SQLException {
    return Sql.connect(new HostPort("127.0.0.1", endpoint.port()), "postgres");
  }

  @Test
  void aPageServerComesBackWithoutItsLocalLayers()
      throws StorageException, IOException, SQLException, InterruptedException {
    cluster.startAll();
    cluster.succeed("tenant", "create", "restart");
    String first = writeRows("main", 0);
    cluster.succeed("branch", "create", "side", "--parent", "main");
    String side = writeRows("side", 1_000_000);
    BranchInfo flushed = cluster.client().flushBranch(cluster.tenant().id(), "main");
    assertThat(flushed.remoteConsistentLsn()).isNotEqualTo(Lsn.INVALID);
    cluster.client().flushBranch(cluster.tenant().id(), "side");
    String second = writeRows("main", 100_000);
    assertThat(second).isNotEqualTo(first);

    assertThat(cluster.pageserver().stop(STOP_SECONDS)).isEqualTo(Optional.of(0));
    Path local = cluster.dataDirectory().resolve("pageserver");
    assertThat(local).isDirectory();
    DirectoryTrees.delete(local);
    cluster.startPageserver();

    assertThat(cluster.branch("side").ancestorName()).contains("main");
    assertThat(readRows("main")).isEqualTo(second);
    assertThat(readRows("side")).isEqualTo(side);
  }

  @Test
  void aDetachedBranchDoesWithoutItsParent()
      throws StorageException, IOException, SQLException, InterruptedException {
    cluster.startAll();
    cluster.succeed("tenant", "create", "detach");
    writeRows("main", 0);
    cluster.succeed("branch", "create", "middle", "--parent", "main");
    writeRows("middle", 100_000);
    cluster.succeed("branch", "create", "kept", "--parent", "middle");
    String rows;
    try (Endpoint endpoint = Endpoint.start(cluster.endpoint("kept"));
        Connection connection = connect(endpoint)) {
      Sql.run(connection, "update t set v = 'before' where id % 7 = 0");
      cluster.succeed("branch", "detach", "kept");
      Sql.run(connection, "update t set v = 'after' where id % 11 = 0");
      rows = Sql.one(connection, FINGERPRINT);
    }
    cluster.succeed("branch", "delete", "middle");
    cluster.client().flushBranch(cluster.tenant().id(), "kept");

    assertThat(cluster.pageserver().stop(STOP_SECONDS)).isEqualTo(Optional.of(0));
    DirectoryTrees.delete(cluster.dataDirectory().resolve("pageserver"));
    cluster.startPageserver();

    assertThat(cluster.branch("kept").ancestorName()).isEmpty();
    assertThat(readRows("kept")).isEqualTo(rows);
  }

  @Test
  void upStartsAgainOnTheSameDirectory()
      throws StorageException, IOException, SQLException, InterruptedException {
    ChildProcess up = cluster.startUp();
    cluster.succeed("tenant", "create", "twice");
    String rows = writeRows("main", 0);
    cluster.succeed("branch", "create", "kept", "--parent", "main");
    assertThat(up.stop(STOP_SECONDS)).as(up.logTail()).isEqualTo(Optional.of(0));

    ChildProcess again = cluster.startUp();
    assertThat(readRows("kept")).isEqualTo(rows);
    String more = writeRows("main", 60_000);
    again.kill9();

    cluster.startUp();
    assertThat(readRows("main")).isEqualTo(more);
    assertThat(readRows("kept")).isEqualTo(rows);
  }
}
