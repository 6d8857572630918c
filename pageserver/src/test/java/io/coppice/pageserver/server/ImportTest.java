package io.coppice.pageserver.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.coppice.pageserver.fixture.TinyCluster;
import io.coppice.postgres.page.Page;
import io.grpc.Status;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Data directories that are refused, and why. */
final class ImportTest {
  private static final int STATE_IN_PRODUCTION = 6;

  @TempDir Path directory;

  private void assertRefused(byte[] tar, Status.Code code, String... words) throws Exception {
    try (Servers servers = new Servers(directory, 100).start()) {
      assertThatThrownBy(() -> servers.importTar(tar))
          .satisfies(failure -> {
            Status status = Status.fromThrowable(failure);
            assertThat(status.getCode()).isEqualTo(code);
            assertThat(status.getDescription()).contains(words);
          });
      try (Stream<Path> spool = Files.list(directory.resolve("pageserver/import"))) {
        assertThat(spool).isEmpty();
      }
      // The name is free again.
      servers.importTar(new TinyCluster().tar());
    }
  }

  @Test
  void refusesServerThatRuns() throws Exception {
    TinyCluster cluster = new TinyCluster();
    cluster.with("global/pg_control", cluster.control(STATE_IN_PRODUCTION));
    assertRefused(cluster.tar(), Status.Code.FAILED_PRECONDITION, "in production");
  }

  @Test
  void refusesDamagedControlFile() throws Exception {
    TinyCluster cluster = new TinyCluster();
    byte[] control = cluster.control(1);
    control[60] ^= 1;
    assertRefused(cluster.with("global/pg_control", control).tar(), Status.Code.DATA_LOSS, "CRC");
  }

  @Test
  void refusesWhatIsNoDataDirectory() throws Exception {
    assertRefused(
        new TinyCluster().without("global/pg_control").tar(),
        Status.Code.INVALID_ARGUMENT,
        "pg_control");
  }

  @Test
  void refusesMissingLog() throws Exception {
    assertRefused(
        new TinyCluster().without("pg_wal/000000010000000000000001").tar(),
        Status.Code.DATA_LOSS,
        "pg_wal/000000010000000000000001");
  }

  @Test
  void refusesPageWithWrongChecksum() throws Exception {
    byte[] table = new byte[2 * Page.SIZE_BYTES];
    System.arraycopy(TinyCluster.page(0), 0, table, Page.SIZE_BYTES, Page.SIZE_BYTES);
    assertRefused(
        new TinyCluster().with("base/5/16384", table).tar(),
        Status.Code.DATA_LOSS,
        "block 1 of relation 1663/5/16384");
  }

  @Test
  void refusesRelationThatEndsWithinABlock() throws Exception {
    assertRefused(
        new TinyCluster().with("base/5/16385", new byte[100]).tar(),
        Status.Code.DATA_LOSS,
        "1663/5/16385 ends within block 0");
  }

  @Test
  void refusesSegmentAfterShortOne() throws Exception {
    assertRefused(
        new TinyCluster().with("base/5/16384.1", new byte[Page.SIZE_BYTES]).tar(),
        Status.Code.DATA_LOSS,
        "segment 1");
  }

  @Test
  void takesTablespacesAndWhatIsInThem() throws Exception {
    String inTablespace = "pg_tblspc/16500/PG_15_202209061/5/17000";
    byte[] page = new byte[Page.SIZE_BYTES];
    byte[] tar =
        new TinyCluster()
            .with(inTablespace, page)
            .withDirectory("pg_tblspc/16600/PG_15_202209061/")
            .withDirectory("pg_tblspc/16700/PG_14_202107181/")
            .tar();
    try (Servers servers = new Servers(directory, 100).start()) {
      servers.importTar(tar);
      Map<String, byte[]> backup = servers.backup();
      assertThat(backup).containsEntry(inTablespace, page);
      assertThat(backup)
          .containsKeys(
              "pg_tblspc/16500/",
              "pg_tblspc/16500/PG_15_202209061/5/",
              "pg_tblspc/16600/PG_15_202209061/");
      assertThat(backup.keySet()).noneMatch(name -> name.startsWith("pg_tblspc/16700"));
    }
  }

  @Test
  void refusesLinkOfTablespace() throws Exception {
    assertRefused(
        new TinyCluster().withLink("pg_tblspc/16500", "/elsewhere").tar(),
        Status.Code.UNIMPLEMENTED,
        "pg_tblspc/16500",
        "tablespaces");
  }

  @Test
  void refusesTornTar() throws Exception {
    byte[] tar = new TinyCluster().tar();
    assertRefused(Arrays.copyOf(tar, tar.length / 2), Status.Code.INVALID_ARGUMENT, "tar");
  }

  @Test
  void refusesOtherMajor() throws Exception {
    assertRefused(
        new TinyCluster().with("PG_VERSION", new byte[] {'1', '4'}).tar(),
        Status.Code.DATA_LOSS,
        "PG_VERSION");
  }
}
