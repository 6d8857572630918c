package io.coppice.it;

import static org.assertj.core.api.Assertions.assertThat;

import com.github.luben.zstd.Zstd;
import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.common.rpc.HostPort;
import io.coppice.compute.endpoint.Endpoint;
import io.coppice.compute.storage.BranchInfo;
import io.coppice.it.support.Sql;
import io.coppice.postgres.wal.WalSegmentName;
import io.coppice.proto.v1.StreamWalResponse;
import io.coppice.safekeeper.client.SafekeeperClient;
import io.coppice.safekeeper.client.TimelineStatus;
import io.coppice.safekeeper.client.WalDownload;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;

/** WAL goes to the object store, is removed where nobody needs it, and is read back from there. */
@Tag("process")
@Timeout(value = 5, unit = TimeUnit.MINUTES)
final class OldWalTest {
  private static final long PROGRESS_MILLIS = 90_000;
  private static final String FILL =
      "insert into t select n, repeat(md5(n::text), 30) from generate_series(1, 2000) n";

  @RegisterExtension final Cluster cluster = new Cluster("pageserver.open_layer_size_max=1MB");

  @Test
  void isRemovedWhenAllHaveItAndReadBack()
      throws StorageException, IOException, InterruptedException, SQLException {
    cluster.startAll();
    cluster.succeed("tenant", "create", "old");
    BranchInfo main = cluster.branch("main");
    try (Endpoint endpoint = Endpoint.start(cluster.endpoint("main"));
        Connection connection =
            Sql.connect(new HostPort("127.0.0.1", endpoint.port()), "postgres")) {
      Sql.run(connection, "create table t (id int, filler text)");
      cluster.safekeeper(3).kill9(); // the two segments that follow are not its turn
      for (int i = 0; i < 2; i++) {
        Sql.run(connection, FILL);
        Sql.run(connection, "select pg_switch_wal()");
      }
      Sql.run(connection, FILL);
      Lsn backedUp = segmentsAfter(main, 2);
      for (int node = 1; node <= 2; node++) {
        TimelineStatus status =
            await(
                node,
                main.id(),
                now ->
                    now.state().retention().backupLsn().isAtOrAfter(backedUp)
                        && now.state().retention().pageServerLsn().isAfter(backedUp));
        assertThat(status.state().retention().localStartLsn())
            .as("safekeeper 3 needs all of it")
            .isEqualTo(main.startLsn());
      }

      cluster.startSafekeeper(3);
      for (int node = 1; node <= 3; node++) {
        var _ =
            await(
                node,
                main.id(),
                now -> now.state().retention().localStartLsn().isAtOrAfter(backedUp));
      }
      assertThat(cluster.succeed("safekeeper", "status", "main")).contains("BACKUP LSN");
      checkReadBack(main, backedUp);
    }

    cluster.pageserver().kill9();
    deleteTree(cluster.dataDirectory().resolve("pageserver"));
    cluster.startPageserver();
    try (Endpoint endpoint = Endpoint.start(cluster.endpoint("main"));
        Connection connection =
            Sql.connect(new HostPort("127.0.0.1", endpoint.port()), "postgres")) {
      assertThat(Sql.rows(connection, "select count(*) from t")).containsExactly(List.of("6000"));
    }
  }

  private static Lsn segmentsAfter(BranchInfo branch, int count) {
    int sizeBytes = branch.walSegmentSizeBytes();
    long first = Long.divideUnsigned(branch.startLsn().value(), sizeBytes);
    return new Lsn((first + count) * sizeBytes);
  }

  /** What a page server that starts from nothing would read. */
  private void checkReadBack(BranchInfo branch, Lsn end)
      throws StorageException, IOException, InterruptedException {
    Lsn start = branch.startLsn();
    int sizeBytes = branch.walSegmentSizeBytes();
    String segment = WalSegmentName.of(1, start, sizeBytes).fileName(sizeBytes);
    Path object = findOne(cluster.dataDirectory().resolve("objects/wal"), segment + ".zst");
    byte[] archived = Zstd.decompress(Files.readAllBytes(object), sizeBytes);
    int offset = (int) Long.remainderUnsigned(start.value(), archived.length);
    ByteArrayOutputStream read = new ByteArrayOutputStream();
    try (SafekeeperClient client = client(1);
        WalDownload download = client.downloadFlushed(branch.id(), start, end)) {
      for (Optional<StreamWalResponse> piece = download.next();
          piece.isPresent();
          piece = download.next()) {
        piece.get().getData().writeTo(read);
      }
    }
    assertThat(read.size()).isEqualTo((int) end.minus(start));
    assertThat(Arrays.copyOf(read.toByteArray(), archived.length - offset))
        .isEqualTo(Arrays.copyOfRange(archived, offset, archived.length));
    try (Stream<Path> left =
        Files.find(
            cluster.dataDirectory().resolve("safekeeper-1"),
            9,
            (file, _) -> file.getFileName().toString().startsWith(segment))) {
      assertThat(left).as("removed, and not left over").isEmpty();
    }
  }

  private static Path findOne(Path root, String name) throws IOException {
    try (Stream<Path> found = Files.find(root, 9, (file, _) -> file.endsWith(name))) {
      return found.findFirst().orElseThrow();
    }
  }

  private SafekeeperClient client(int node) {
    return SafekeeperClient.open(cluster.safekeeperAddresses().get(node - 1));
  }

  private TimelineStatus await(int node, TenantTimelineId id, Predicate<TimelineStatus> condition)
      throws StorageException, InterruptedException {
    long deadline = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(PROGRESS_MILLIS);
    try (SafekeeperClient client = client(node)) {
      TimelineStatus status = client.status(id);
      while (!condition.test(status)) {
        assertThat(System.nanoTime()).as("%s", status).isLessThan(deadline);
        Thread.sleep(100);
        status = client.status(id);
      }
      return status;
    }
  }

  private static void deleteTree(Path root) throws IOException {
    try (Stream<Path> files = Files.walk(root)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    }
  }
}
