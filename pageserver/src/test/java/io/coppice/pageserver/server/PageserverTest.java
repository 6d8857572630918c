package io.coppice.pageserver.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.coppice.common.id.Lsn;
import io.coppice.common.id.RelationTag;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.common.id.TimelineId;
import io.coppice.pageserver.fixture.TinyCluster;
import io.coppice.pageserver.server.Servers.PageStream;
import io.coppice.postgres.page.Page;
import io.coppice.postgres.page.PageChecksum;
import io.coppice.proto.page.BaseBackupCompression;
import io.coppice.proto.page.GetBaseBackupRequest;
import io.coppice.proto.page.GetDbSizeRequest;
import io.coppice.proto.page.GetPageRequest;
import io.coppice.proto.page.GetPageResponse;
import io.coppice.proto.page.GetPageStatusCode;
import io.coppice.proto.page.GetRelSizeRequest;
import io.coppice.proto.page.GetRelSizeResponse;
import io.coppice.proto.page.GetSlruSegmentRequest;
import io.coppice.proto.page.LeaseLsnRequest;
import io.coppice.proto.page.ReadLsn;
import io.coppice.proto.v1.GetBranchRequest;
import io.coppice.proto.v1.ListLayersRequest;
import io.coppice.proto.v1.RunGcRequest;
import io.coppice.proto.v1.Tenant;
import io.coppice.proto.v1.WaitForLsnRequest;
import io.grpc.Status;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.zip.GZIPInputStream;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveInputStream;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The services over real gRPC, on a cluster imported over it. */
final class PageserverTest {
  private static final RelationTag TABLE = TinyCluster.TABLE;

  @TempDir Path directory;

  private final TinyCluster cluster = new TinyCluster();
  private Servers servers;
  private Tenant tenant;

  @BeforeEach
  void importCluster() throws Exception {
    servers = new Servers(directory, 300).start();
    tenant = servers.importTar(cluster.tar());
  }

  @AfterEach
  void stop() {
    servers.close();
  }

  private static void assertFails(ThrowingCallable call, Status.Code code, String words) {
    assertThatThrownBy(call)
        .satisfies(failure -> {
          Status status = Status.fromThrowable(failure);
          assertThat(status.getCode()).isEqualTo(code);
          assertThat(status.getDescription()).contains(words);
        });
  }

  @Test
  void importTellsWhatItMade() {
    assertThat(tenant.getName()).isEqualTo("acme");
    assertThat(tenant.getPgVersion()).isEqualTo(15);
    assertThat(tenant.getSystemId()).isEqualTo(TinyCluster.SYSTEM_ID);
    assertThat(tenant.getRoot().getName()).isEqualTo("main");
    assertThat(tenant.getRoot().getStartLsn()).isEqualTo(cluster.end().value());
    assertThat(tenant.getRoot().getLastRecordLsn()).isEqualTo(cluster.end().value());
    assertThat(tenant.getRoot().getPrevRecordLsn()).isNotZero();
  }

  @Test
  void importAgainSucceedsAndWithAnotherNameDoesNot() throws Exception {
    assertThat(servers.importTar(cluster.tar()).getRoot().getTimelineId())
        .isEqualTo(tenant.getRoot().getTimelineId());
    assertFails(
        () -> servers.importTar(cluster.tar(), "other"), Status.Code.ALREADY_EXISTS, "acme");
  }

  @Test
  void pagesComeInTheOrderAskedWithChecksums() throws Exception {
    PageStream stream = servers.stream(Servers.ROOT);
    GetPageResponse response = stream.ask(Servers.request(7, TABLE, Lsn.MAX, 2, 0, 9, 1));
    assertThat(response.getStatusCode()).isEqualTo(GetPageStatusCode.GET_PAGE_STATUS_CODE_OK);
    assertThat(response.getRequestId().getId()).isEqualTo(7);
    assertThat(response.getPageList())
        .extracting(page -> page.getBlockNumber())
        .containsExactly(2, 0, 9, 1);
    byte[] expected = TinyCluster.page(2);
    PageChecksum.set(expected, 2);
    assertThat(response.getPage(0).getImage().toByteArray()).isEqualTo(expected);
    assertThat(response.getPage(2).getImage().toByteArray()).containsOnly(0);
    assertThat(stream.complete().isOk()).isTrue();
  }

  /** Their arrays are used again from answer to answer. */
  @Test
  void answersUnderWayKeepTheirPages() throws Exception {
    PageStream stream = servers.stream(Servers.ROOT);
    int requests = 200;
    for (int i = 0; i < requests; i++) {
      stream.send(Servers.request(i, TABLE, Lsn.MAX, i % 3, (i + 1) % 3));
    }
    List<GetPageResponse> responses = new ArrayList<>();
    while (responses.size() < requests) {
      responses.add(stream.next());
    }
    for (int i = 0; i < requests; i++) {
      for (int part = 0; part < 2; part++) {
        int block = (i + part) % 3;
        byte[] expected = TinyCluster.page(block);
        PageChecksum.set(expected, block);
        assertThat(responses.get(i).getPage(part).getImage().toByteArray())
            .as("answer %d, block %d", i, block)
            .isEqualTo(expected);
      }
    }
  }

  @Test
  void whatIsWrongWithOneRequestIsToldInItsAnswer() throws Exception {
    PageStream stream = servers.stream(Servers.ROOT);
    RelationTag missing = new RelationTag(1663, 5, 99, 0);
    GetPageResponse response = stream.ask(Servers.request(1, missing, Lsn.MAX, 0));
    assertThat(response.getStatusCode())
        .isEqualTo(GetPageStatusCode.GET_PAGE_STATUS_CODE_NOT_FOUND);
    assertThat(response.getReason()).contains("1663/5/99");
    assertInvalid(stream, Servers.request(2, TABLE, Lsn.MAX), "0 blocks");
    assertInvalid(stream, Servers.request(3, TABLE, Lsn.MAX, new int[1_025]), "1025 blocks");
    assertInvalid(stream, Servers.request(4, TABLE, Lsn.INVALID, 0), "request_lsn");
    assertInvalid(stream, Servers.request(5, new RelationTag(1, 2, 3, 4), Lsn.MAX, 0), "fork 4");
    assertInvalid(stream, Servers.request(6, TABLE, new Lsn(8), 0), cluster.end().toString());
    assertThat(stream.ask(Servers.request(7, TABLE, Lsn.MAX, 0)).getPageCount()).isEqualTo(1);
  }

  private static void assertInvalid(PageStream stream, GetPageRequest request, String words)
      throws Exception {
    GetPageResponse response = stream.ask(request);
    assertThat(response.getStatusCode())
        .isEqualTo(GetPageStatusCode.GET_PAGE_STATUS_CODE_INVALID_REQUEST);
    assertThat(response.getReason()).contains(words);
    assertThat(response.getPageList()).isEmpty();
  }

  @Test
  void streamEndsWhenLsnDoesNotCome() throws Exception {
    PageStream stream = servers.stream(Servers.ROOT);
    stream.send(Servers.request(1, TABLE, cluster.end().plus(8), 0));
    Status end = stream.end();
    assertThat(end.getCode()).isEqualTo(Status.Code.UNAVAILABLE);
    assertThat(end.getDescription()).contains(cluster.end().toString(), "main");
  }

  @Test
  void promiseOfNoChangeIsAnsweredAtOnce() {
    GetRelSizeResponse size =
        servers
            .pages(Servers.ROOT)
            .getRelSize(
                GetRelSizeRequest.newBuilder()
                    .setRel(Servers.tag(TABLE))
                    .setReadLsn(
                        ReadLsn.newBuilder()
                            .setRequestLsn(cluster.end().plus(1 << 20).value())
                            .setNotModifiedSinceLsn(cluster.end().value()))
                    .build());
    assertThat(size.getNumBlocks()).isEqualTo(TinyCluster.TABLE_PAGES);
  }

  private GetRelSizeRequest sizeOf(RelationTag tag, boolean allowMissing) {
    return GetRelSizeRequest.newBuilder()
        .setRel(Servers.tag(tag))
        .setReadLsn(ReadLsn.newBuilder().setRequestLsn(-1))
        .setAllowMissing(allowMissing)
        .build();
  }

  @Test
  void sizesOfRelationsThatAreThereAndNot() {
    var pages = servers.pages(Servers.ROOT);
    assertThat(pages.getRelSize(sizeOf(TABLE, false)).getNumBlocks()).isEqualTo(3);
    RelationTag unlogged = new RelationTag(1663, 5, 16_390, 0);
    assertThat(pages.getRelSize(sizeOf(unlogged, true)).getMissing()).isTrue();
    assertFails(
        () -> pages.getRelSize(sizeOf(unlogged, false)), Status.Code.NOT_FOUND, "1663/5/16390");
    RelationTag noMap = new RelationTag(1663, 5, 16_390, 2);
    assertThat(pages.getRelSize(sizeOf(noMap, false)).getNumBlocks()).isZero();
  }

  @Test
  void databaseSizeCountsAllForks() {
    GetDbSizeRequest.Builder request =
        GetDbSizeRequest.newBuilder().setReadLsn(ReadLsn.newBuilder().setRequestLsn(-1));
    assertFails(
        () -> servers.pages(Servers.ROOT).getDbSize(request.setDbOid(77).build()),
        Status.Code.NOT_FOUND,
        "77");
  }

  @Test
  void slruSegmentsComeWhole() {
    GetSlruSegmentRequest.Builder request =
        GetSlruSegmentRequest.newBuilder().setReadLsn(ReadLsn.newBuilder().setRequestLsn(-1));
    assertThat(servers.pages(Servers.ROOT).getSlruSegment(request.build()).getSegment().size())
        .isEqualTo(Page.SIZE_BYTES);
    assertFails(
        () -> servers.pages(Servers.ROOT).getSlruSegment(request.setSegno(3).build()),
        Status.Code.NOT_FOUND,
        "0003");
    assertFails(
        () -> servers.pages(Servers.ROOT).getSlruSegment(request.setKind(3).build()),
        Status.Code.INVALID_ARGUMENT,
        "0 to 2");
  }

  @Test
  void leasesWhatCanBeReadOnly() {
    var pages = servers.pages(Servers.ROOT);
    Instant expires =
        Instant.ofEpochSecond(
            pages
                .leaseLsn(LeaseLsnRequest.newBuilder().setLsn(cluster.end().value()).build())
                .getExpires()
                .getSeconds());
    assertThat(expires).isAfter(Instant.now().plus(Duration.ofMinutes(9)));
    assertFails(
        () -> pages.leaseLsn(LeaseLsnRequest.newBuilder().setLsn(8).build()),
        Status.Code.FAILED_PRECONDITION,
        cluster.end().toString());
    assertFails(
        () -> pages.leaseLsn(LeaseLsnRequest.getDefaultInstance()),
        Status.Code.INVALID_ARGUMENT,
        "zero");
  }

  @Test
  void callsNeedTheHeadersOfATimelineThatExists() {
    assertFails(
        () -> servers.pagesWithoutHeaders().getRelSize(sizeOf(TABLE, false)),
        Status.Code.INVALID_ARGUMENT,
        "neon-tenant-id");
    TenantTimelineId unknown = new TenantTimelineId(Servers.ROOT.tenant(), new TimelineId(9, 9));
    assertFails(
        () -> servers.pages(unknown).getRelSize(sizeOf(TABLE, false)),
        Status.Code.NOT_FOUND,
        unknown.timeline().toString());
  }

  @Test
  void waitForLsnThatDoesNotComeNamesTheLastOne() {
    assertFails(
        () -> servers.await(cluster.end().plus(800)),
        Status.Code.UNAVAILABLE,
        cluster.end().toString());
    assertThat(servers.await(cluster.end()).getLastRecordLsn()).isEqualTo(cluster.end().value());
    assertFails(
        () ->
            servers
                .timelines()
                .waitForLsn(
                    WaitForLsnRequest.newBuilder().setTenantId("12").setBranch("main").build()),
        Status.Code.INVALID_ARGUMENT,
        "32 hexadecimal digits");
    assertFails(
        () ->
            servers
                .timelines()
                .getBranch(
                    GetBranchRequest.newBuilder()
                        .setTenantId(Servers.ROOT.tenant().toString())
                        .setBranch("mian")
                        .build()),
        Status.Code.NOT_FOUND,
        "mian");
  }

  @Test
  void layersAreListed() {
    var layers =
        servers
            .timelines()
            .listLayers(
                ListLayersRequest.newBuilder()
                    .setTenantId(Servers.ROOT.tenant().toString())
                    .setBranch("main")
                    .build());
    assertThat(layers.getLayersList()).anyMatch(layer -> layer.getKind().equals("image"));
  }

  @Test
  void backupIsDataDirectoryThatEndsWithControlFileAndLog() throws Exception {
    Map<String, Integer> sizes = new TreeMap<>();
    List<String> order = new ArrayList<>();
    byte[] plain = backup(BaseBackupCompression.BASE_BACKUP_COMPRESSION_NONE, true);
    try (TarArchiveInputStream tar = new TarArchiveInputStream(new ByteArrayInputStream(plain))) {
      for (TarArchiveEntry entry = tar.getNextEntry(); entry != null; entry = tar.getNextEntry()) {
        order.add(entry.getName());
        sizes.put(entry.getName(), tar.readAllBytes().length);
      }
    }
    assertThat(sizes)
        .containsEntry("base/5/16384", 3 * Page.SIZE_BYTES)
        .containsEntry("base/5/16390_init", 0)
        .containsEntry("base/5/16390", 0)
        .containsEntry("pg_xact/0000", Page.SIZE_BYTES)
        .containsEntry("global/pg_control", 8_192)
        .containsKeys("pg_twophase/", "pg_wal/", "PG_VERSION", "pg_hba.conf");
    assertThat(sizes).doesNotContainKey("base/5/t3_16400");
    assertThat(order.subList(order.size() - 2, order.size()))
        .containsExactly("global/pg_control", "pg_wal/000000010000000000000001");
  }

  @Test
  void compressedBackupIsTheSameTar() throws Exception {
    byte[] zipped = backup(BaseBackupCompression.BASE_BACKUP_COMPRESSION_GZIP, false);
    try (InputStream gzip = new GZIPInputStream(new ByteArrayInputStream(zipped));
        TarArchiveInputStream tar = new TarArchiveInputStream(gzip)) {
      List<String> names = new ArrayList<>();
      for (TarArchiveEntry entry = tar.getNextEntry(); entry != null; entry = tar.getNextEntry()) {
        names.add(entry.getName());
      }
      assertThat(names)
          .contains("global/pg_control", "base/5/16390")
          .doesNotContain("base/5/16384");
    }
    assertThat(zipped.length).isLessThan(100 * 1024);
  }

  private byte[] backup(BaseBackupCompression compression, boolean full) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    servers
        .pages(Servers.ROOT)
        .getBaseBackup(
            GetBaseBackupRequest.newBuilder().setFull(full).setCompression(compression).build())
        .forEachRemaining(chunk -> bytes.writeBytes(chunk.getChunk().toByteArray()));
    return bytes.toByteArray();
  }

  @Test
  void backupAtLsnOutsideOfHistoryIsRefused() {
    assertFails(
        () ->
            servers
                .pages(Servers.ROOT)
                .getBaseBackup(GetBaseBackupRequest.newBuilder().setLsn(8).build())
                .next(),
        Status.Code.FAILED_PRECONDITION,
        cluster.end().toString());
  }

  @Test
  void garbageCollectionTellsWhatHoldsIt() {
    RunGcRequest request =
        RunGcRequest.newBuilder().setTenantId(tenant.getTenantId()).setDryRun(true).build();
    assertThat(servers.timelines().runGc(request).getBranchesList())
        .singleElement()
        .satisfies(garbage -> {
          assertThat(garbage.getName()).isEqualTo("main");
          assertThat(garbage.getCutoff()).isEqualTo(cluster.end().value());
          assertThat(garbage.getHeldBy()).isEqualTo("start");
          assertThat(garbage.getLayers()).isZero();
          assertThat(garbage.getFailure()).isEmpty();
        });
    assertFails(
        () -> servers.timelines().runGc(request.toBuilder().setBranch("other").build()),
        Status.Code.NOT_FOUND,
        "main");
  }
}
