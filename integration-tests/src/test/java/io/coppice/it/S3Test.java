package io.coppice.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.coppice.common.objectstore.s3.S3Server;
import io.coppice.common.rpc.HostPort;
import io.coppice.compute.endpoint.Endpoint;
import io.coppice.compute.postgres.DirectoryTrees;
import io.coppice.it.support.Ports;
import io.coppice.it.support.Sql;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.sql.Connection;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;

/** The whole system with its objects in a bucket of an S3 server. */
@Tag("process")
@Timeout(value = 4, unit = TimeUnit.MINUTES)
final class S3Test {
  private static final int STOP_SECONDS = 30;
  private static final String FINGERPRINT =
      "select count(*) || ' ' || sum(hashtextextended(t::text, 0)) from t";

  @RegisterExtension final Cluster cluster = new Cluster("pageserver.open_layer_size_max=4MB");

  @Test
  void aBranchReadsFromTheBucketWhatNoDiskHasAnyMore() throws Exception {
    HostPort address = Ports.free(1).getFirst();
    Path objects = cluster.directory().resolve("buckets");
    ChildProcess server =
        cluster.startBeside(
            "s3", S3Server.class, Integer.toString(address.port()), objects.toString());
    try {
      await().atMost(Duration.ofSeconds(60)).until(() -> Ports.isListening(address));
      Path keys = S3Server.writeCredentials(cluster.directory().resolve("keys"));
      for (String setting :
          List.of(
              "url=s3://" + S3Server.BUCKET + "/it",
              "s3.endpoint=http://" + address,
              "s3.credentials_file=" + keys)) {
        cluster.set("object_store." + setting);
      }
      // Within the life of the bucket, so that a clean stop can write to it.
      branchAndForgetTheDisk();
      assertThat(cluster.pageserver().stop(STOP_SECONDS)).isEqualTo(Optional.of(0));
      assertThat(cluster.dataDirectory().resolve("objects")).doesNotExist();
    } finally {
      server.kill9();
    }
  }

  private void branchAndForgetTheDisk() throws Exception {
    cluster.startAll();
    cluster.succeed("tenant", "create", "s3");
    String rows;
    try (Endpoint endpoint = Endpoint.start(cluster.endpoint("main"));
        Connection connection = connect(endpoint)) {
      Sql.run(
          connection,
          "create table t as select i, md5(i::text) from generate_series(1, 50000) i",
          "checkpoint");
      rows = Sql.one(connection, FINGERPRINT);
      cluster.succeed("branch", "create", "side", "--parent", "main");
      Sql.run(connection, "delete from t");
    }
    assertThat(cluster.pageserver().stop(STOP_SECONDS)).isEqualTo(Optional.of(0));
    Path local = cluster.dataDirectory().resolve("pageserver");
    assertThat(local).isDirectory();
    DirectoryTrees.delete(local);
    cluster.startPageserver();
    try (Endpoint endpoint = Endpoint.start(cluster.endpoint("side"));
        Connection connection = connect(endpoint)) {
      assertThat(Sql.one(connection, FINGERPRINT)).isEqualTo(rows);
    }
    readsAfterEviction(rows);
    // What is in the bucket is what the indexes say, read by another process.
    assertThat(cluster.coppice("scrub").exitCode()).isZero();
    assertThat(cluster.succeed("doctor", "s3")).contains("conditional write");
  }

  /** Layers that nobody reads go within seconds, and come back from the bucket. */
  private void readsAfterEviction(String rows) throws Exception {
    Files.writeString(
        cluster.configFile(),
        "[pageserver]\ndisk_cache_idle_max = \"1s\"\n",
        StandardOpenOption.APPEND);
    String pid = Long.toString(cluster.pageserver().pid());
    assertThat(new ProcessBuilder("kill", "-HUP", pid).start().waitFor()).isZero();
    Path layers = cluster.dataDirectory().resolve("pageserver").resolve("layers");
    await().atMost(Duration.ofSeconds(30)).until(() -> countFiles(layers) == 0);
    try (Endpoint endpoint = Endpoint.start(cluster.endpoint("side"));
        Connection connection = connect(endpoint)) {
      assertThat(Sql.one(connection, FINGERPRINT)).isEqualTo(rows);
      String path = Sql.one(connection, "select pg_relation_filepath('t')");
      String why =
          cluster.succeed("why", "--branch", "side", "--block", "0", "--rel", relation(path));
      assertThat(why).contains("apply ").contains("find ");
    }
  }

  /** Such as {@code 1663/5/16384} of {@code base/5/16384}. */
  private static String relation(String path) {
    return path.replace("base/", "1663/");
  }

  private static long countFiles(Path directory) throws IOException {
    try (Stream<Path> files = Files.walk(directory)) {
      return files.filter(Files::isRegularFile).count();
    }
  }

  private static Connection connect(Endpoint endpoint) throws Exception {
    return Sql.connect(new HostPort("127.0.0.1", endpoint.port()), "postgres");
  }
}
