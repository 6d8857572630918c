package io.coppice.compute.storage;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.RelationTag;
import io.coppice.common.id.TenantId;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.common.id.TimelineId;
import io.coppice.common.rpc.HostPort;
import io.grpc.Status;
import java.io.IOException;
import java.io.InputStream;
import java.time.Instant;
import java.util.List;
import java.util.Random;
import java.util.concurrent.FutureTask;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.IntSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
final class PageserverClientTest {
  private static final TenantId TENANT = new TenantId(1, 2);
  private static final TimelineId TIMELINE = new TimelineId(3, 4);
  private static final TenantTimelineId BRANCH = new TenantTimelineId(TENANT, TIMELINE);
  private static final RelationTag RELATION = new RelationTag(1663, 5, 1259, 0);

  private FakePageserver server;
  private PageserverClient client;

  @BeforeEach
  void open() throws IOException {
    server = new FakePageserver();
    client = server.client();
  }

  @AfterEach
  void close() {
    client.close();
    server.close();
  }

  @Test
  void sendsAnImportWholeAndInOrder() throws StorageException {
    byte[] tar = randomBytes(5_000_001);
    TenantInfo tenant =
        client.importTenant(
            TENANT,
            "shop",
            TIMELINE,
            "main",
            out -> {
              out.write(tar, 0, 1);
              out.write(tar, 1, 3_000_000);
              out.write(tar, 3_000_001, 2_000_000);
            });
    assertThat(server.imported()).isEqualTo(tar);
    assertThat(tenant.id()).isEqualTo(TENANT);
    assertThat(tenant.name()).isEqualTo("shop");
    assertThat(tenant.root().id()).isEqualTo(BRANCH);
    assertThat(tenant.root().systemId()).isEqualTo(-7);
    assertThat(tenant.root().ancestor()).isEmpty();
  }

  @Test
  void isHeldBackWhileTheServerDoesNotRead() throws Exception {
    server.stallImport();
    AtomicInteger megabytesTaken = new AtomicInteger();
    FutureTask<TenantInfo> imported =
        new FutureTask<>(() ->
            client.importTenant(
                TENANT,
                "shop",
                TIMELINE,
                "main",
                out -> {
                  for (int i = 0; i < 64; i++) {
                    out.write(new byte[1 << 20]);
                    megabytesTaken.incrementAndGet();
                  }
                }));
    Thread.startVirtualThread(imported);
    assertThat(awaitStandstill(megabytesTaken::get)).isBetween(1, 15);
    assertThat(imported.isDone()).isFalse();
    server.resumeImport();
    assertThat(imported.get().id()).isEqualTo(TENANT);
    assertThat(server.imported()).hasSize(64 << 20);
  }

  @Test
  void tellsWhyTheServerEndedAnImport() {
    server.refuseImportsAbove(1_000_000);
    byte[] megabyte = new byte[1 << 20];
    assertThatThrownBy(() ->
            client.importTenant(
                TENANT,
                "shop",
                TIMELINE,
                "main",
                out -> {
                  for (int i = 0; i < 10_000; i++) {
                    out.write(megabyte);
                  }
                }))
        .isInstanceOf(StorageException.Conflict.class)
        .hasMessage("tenant exists");
  }

  @Test
  void givesAnImportUpWhenTheTarCannotBeRead() {
    assertThatThrownBy(() ->
            client.importTenant(
                TENANT,
                "shop",
                TIMELINE,
                "main",
                out -> {
                  throw new IOException("disk on fire");
                }))
        .isInstanceOf(StorageException.Transient.class)
        .hasMessageContaining("disk on fire");
  }

  @Test
  void readsABaseBackupToItsEnd() throws IOException {
    byte[] tar = randomBytes(3_333_333);
    server.serveBackup(tar, Status.OK);
    try (InputStream in = client.baseBackup(BRANCH, Lsn.INVALID)) {
      assertThat(in.readAllBytes()).isEqualTo(tar);
    }
  }

  @Test
  void failsABaseBackupThatTheServerEndsEarly() {
    server.serveBackup(randomBytes(300_000), Status.DATA_LOSS.withDescription("bad layer"));
    assertThatThrownBy(() -> client.baseBackup(BRANCH, Lsn.INVALID).readAllBytes())
        .isInstanceOf(IOException.class)
        .cause()
        .isInstanceOf(StorageException.Corrupt.class)
        .hasMessage("bad layer");
  }

  @Test
  void holdsTheServerBackWhileNobodyReads() throws Exception {
    server.serveBackup(new byte[64 << 20], Status.OK);
    try (InputStream in = client.baseBackup(BRANCH, Lsn.INVALID)) {
      assertThat(in.read()).isZero();
      assertThat(awaitStandstill(server::chunksSent)).isBetween(1, 31);
    }
  }

  @Test
  void readsPages() throws StorageException {
    List<byte[]> pages = client.getPages(BRANCH, RELATION, List.of(7, 3), Lsn.MAX);
    assertThat(pages).hasSize(2).allSatisfy(page -> assertThat(page).hasSize(8192));
    assertThat(pages.get(0)[0]).isEqualTo((byte) 7);
    assertThat(pages.get(1)[0]).isEqualTo((byte) 3);
    assertThatThrownBy(() -> client.getPage(BRANCH, RELATION, 404, new Lsn(1)))
        .isInstanceOf(StorageException.Invalid.class)
        .hasMessage("LSN is outside the window");
  }

  @Test
  void saysWhereABranchShallBegin() throws StorageException {
    Instant time = Instant.parse("2026-11-21T14:02:07.123456Z");
    BranchInfo atLsn =
        client.createBranch(TENANT, TIMELINE, "dev", "main", new BranchPoint.AtLsn(new Lsn(77)));
    BranchInfo atTime =
        client.createBranch(TENANT, TIMELINE, "dev", "main", new BranchPoint.AtTime(time));
    assertThat(atLsn.startLsn()).isEqualTo(new Lsn(77));
    assertThat(atLsn.ancestorName()).contains("main");
    assertThat(atTime.createdAt()).isEqualTo(time);
  }

  @Test
  void namesFailuresByWhatTheCallerDoesNext() {
    assertThatThrownBy(() -> client.getBranch(TENANT, "nope"))
        .isInstanceOf(StorageException.NotFound.class)
        .hasMessage("no branch \"nope\"");
    assertThatThrownBy(() -> client.getBranch(TENANT, "malformed"))
        .isInstanceOf(StorageException.Corrupt.class)
        .hasMessageContaining("not-an-id");
    assertThatThrownBy(() -> client.waitForLsn(TENANT, "main", new Lsn(9), 50))
        .isInstanceOfSatisfying(
            StorageException.Transient.class,
            failure -> assertThat(PageserverClient.isDeadline(failure)).isTrue());
  }

  @Test
  void namesAServerThatIsNotThere() {
    try (PageserverClient nowhere = PageserverClient.open(new HostPort("127.0.0.1", 1))) {
      assertThatThrownBy(nowhere::listTenants)
          .isInstanceOfSatisfying(
              StorageException.Transient.class,
              failure -> assertThat(PageserverClient.isDeadline(failure)).isFalse())
          .hasMessageContaining("page server at 127.0.0.1:1");
    }
  }

  private static byte[] randomBytes(int count) {
    byte[] bytes = new byte[count];
    new Random(42).nextBytes(bytes);
    return bytes;
  }

  /** The count once it has begun and then has not grown for a second. */
  private static int awaitStandstill(IntSupplier count) throws InterruptedException {
    int before = 0;
    int quietPolls = 0;
    while (before == 0 || quietPolls < 50) {
      Thread.sleep(20);
      int now = count.getAsInt();
      quietPolls = now == before ? quietPolls + 1 : 0;
      before = now;
    }
    return before;
  }
}
