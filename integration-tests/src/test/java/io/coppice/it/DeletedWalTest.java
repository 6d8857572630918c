package io.coppice.it;

import static org.assertj.core.api.Assertions.assertThat;

import io.coppice.common.error.StorageException;
import io.coppice.common.rpc.HostPort;
import io.coppice.compute.endpoint.Endpoint;
import io.coppice.compute.storage.BranchInfo;
import io.coppice.it.support.Sql;
import io.coppice.safekeeper.client.SafekeeperClient;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;

/** The WAL of a deleted branch goes from all safekeepers and from the object store. */
@Tag("process")
@Timeout(value = 5, unit = TimeUnit.MINUTES)
final class DeletedWalTest {
  private static final long WAIT_MILLIS = 90_000;

  @RegisterExtension final Cluster cluster = new Cluster();

  @Test
  void goesFromAllSafekeepersAlsoFromOneThatWasDown()
      throws StorageException, IOException, InterruptedException, SQLException {
    cluster.startAll();
    cluster.succeed("tenant", "create", "forget");
    BranchInfo doomed = fill("doomed");
    BranchInfo kept = fill("kept");
    await("segments in the object store", () -> hasWalObjects(doomed) && hasWalObjects(kept));

    cluster.safekeeper(3).kill9();
    cluster.succeed("branch", "delete", "doomed");
    await("two have forgotten it", () -> !isOn(1, doomed) && !isOn(2, doomed));
    assertThat(isOn(3, doomed)).isTrue();

    // Whoever starts next has to know that there is one more to tell.
    cluster.pageserver().kill9();
    cluster.startPageserver();
    assertThat(hasIndex(doomed)).as("says that there is more to do").isTrue();
    cluster.startSafekeeper(3);
    await("all have forgotten it", () -> !isOn(3, doomed) && !hasIndex(doomed));

    assertThat(hasWalObjects(doomed)).isFalse();
    for (int node = 1; node <= Cluster.SAFEKEEPERS; node++) {
      assertThat(isOn(node, kept)).as("safekeeper %d has the other", node).isTrue();
      try (SafekeeperClient client =
          SafekeeperClient.open(cluster.safekeeperAddresses().get(node - 1))) {
        assertThat(client.timelines())
            .extracting(status -> status.id().timeline())
            .contains(kept.timeline())
            .doesNotContain(doomed.timeline());
      }
    }
    assertThat(hasWalObjects(kept)).isTrue();
    try (Endpoint endpoint = Endpoint.start(cluster.endpoint("kept"));
        Connection connection = connect(endpoint)) {
      assertThat(Sql.rows(connection, "select count(*) from t")).containsExactly(List.of("100"));
    }
  }

  /** Makes a branch with two segments of WAL, of which the first is whole. */
  private BranchInfo fill(String name)
      throws StorageException, IOException, InterruptedException, SQLException {
    cluster.succeed("branch", "create", name, "--parent", "main");
    try (Endpoint endpoint = Endpoint.start(cluster.endpoint(name));
        Connection connection = connect(endpoint)) {
      Sql.run(
          connection,
          "create table t as select generate_series(1, 100) id",
          "select pg_switch_wal()",
          "create table u (id int)");
    }
    return cluster.branch(name);
  }

  private static Connection connect(Endpoint endpoint) throws SQLException {
    return Sql.connect(new HostPort("127.0.0.1", endpoint.port()), "postgres");
  }

  private boolean isOn(int node, BranchInfo branch) {
    return Files.exists(
        cluster
            .dataDirectory()
            .resolve(Cluster.safekeeperName(node))
            .resolve("tenants")
            .resolve(branch.tenant().toString())
            .resolve("timelines")
            .resolve(branch.timeline().toString()));
  }

  private boolean hasWalObjects(BranchInfo branch) {
    return hasObjects("wal", branch.tenant().toString(), branch.timeline().toString());
  }

  /** All else that the page server has of it is gone by then. */
  private boolean hasIndex(BranchInfo branch) {
    return hasObjects(
        "tenants", branch.tenant().toString(), "timelines", branch.timeline().toString());
  }

  private boolean hasObjects(String... prefix) {
    Path below = cluster.dataDirectory().resolve("objects").resolve(Path.of("", prefix));
    try (Stream<Path> files = Files.find(below, 9, (_, attributes) -> attributes.isRegularFile())) {
      return files.findAny().isPresent();
    } catch (NoSuchFileException neverMade) {
      return false;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void await(String what, BooleanSupplier condition) throws InterruptedException {
    long deadline = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(WAIT_MILLIS);
    while (!condition.getAsBoolean()) {
      assertThat(System.nanoTime()).as(what).isLessThan(deadline);
      Thread.sleep(50);
    }
  }
}
