package io.coppice.pageserver.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.tuple;

import com.google.protobuf.Timestamp;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.common.id.TimelineId;
import io.coppice.pageserver.fixture.TinyCluster;
import io.coppice.proto.page.GetRelSizeRequest;
import io.coppice.proto.page.ReadLsn;
import io.coppice.proto.page.RelTag;
import io.coppice.proto.v1.ArchiveBranchRequest;
import io.coppice.proto.v1.BeginWalRequest;
import io.coppice.proto.v1.BlockGcRequest;
import io.coppice.proto.v1.Branch;
import io.coppice.proto.v1.BranchGarbage;
import io.coppice.proto.v1.CreateBranchRequest;
import io.coppice.proto.v1.DeleteBranchRequest;
import io.coppice.proto.v1.DetachBranchRequest;
import io.coppice.proto.v1.GetBranchRequest;
import io.coppice.proto.v1.LeaseBranchLsnRequest;
import io.coppice.proto.v1.ListBranchesRequest;
import io.coppice.proto.v1.ListBranchesResponse;
import io.coppice.proto.v1.ProtectBranchRequest;
import io.coppice.proto.v1.RecoverBranchRequest;
import io.coppice.proto.v1.RenameBranchRequest;
import io.coppice.proto.v1.ResetBranchRequest;
import io.coppice.proto.v1.RestoreBranchRequest;
import io.coppice.proto.v1.RunGcRequest;
import io.coppice.proto.v1.SetBranchExpiryRequest;
import io.grpc.Status;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Changes to branches over real gRPC. */
@Timeout(60)
final class BranchCallsTest {
  private static final String TENANT = Servers.ROOT.tenant().toString();
  private static final TimelineId CHILD = new TimelineId(3, 1);
  private static final TimelineId NEW = new TimelineId(4, 1);

  @TempDir Path directory;
  private final TinyCluster cluster = new TinyCluster();
  private Servers servers;

  @BeforeEach
  void importCluster() throws Exception {
    servers = new Servers(directory, 300).start();
    var _ = servers.importTar(cluster.tar());
    var _ = create("child", "main");
  }

  @AfterEach
  void stop() {
    servers.close();
  }

  private Branch create(String name, String parent) {
    return servers
        .timelines()
        .createBranch(
            CreateBranchRequest.newBuilder()
                .setTenantId(TENANT)
                .setTimelineId(CHILD.toString())
                .setName(name)
                .setParent(parent)
                .build());
  }

  private Branch get(String name) {
    return servers
        .timelines()
        .getBranch(GetBranchRequest.newBuilder().setTenantId(TENANT).setBranch(name).build());
  }

  private static Timestamp in(Duration time) {
    return Timestamp.newBuilder().setSeconds(Instant.now().plus(time).getEpochSecond()).build();
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
  void tellsHowLargeABranchIs() {
    Branch main = get("main");
    Branch child = get("child");
    assertThat(main.getLogicalSizeBytes()).isPositive();
    assertThat(child.getLogicalSizeBytes()).isEqualTo(main.getLogicalSizeBytes());
    assertThat(child.getLogicalSizeLsn()).isEqualTo(cluster.end().value());
    assertThat(child.getLayerSizeBytes()).isZero();
    assertThat(child.getSharedLayerSizeBytes()).isEqualTo(main.getLayerSizeBytes()).isPositive();
    assertThat(main.getSharedLayerSizeBytes()).isZero();
    assertThat(
            servers
                .timelines()
                .listBranches(ListBranchesRequest.newBuilder().setTenantId(TENANT).build())
                .getBranchesList())
        .containsExactly(child, main);
  }

  @Test
  void listsBranchesInPages() {
    ListBranchesRequest.Builder request =
        ListBranchesRequest.newBuilder().setTenantId(TENANT).setPageSize(1);
    ListBranchesResponse first = servers.timelines().listBranches(request.build());
    assertThat(first.getBranchesList()).extracting(Branch::getName).containsExactly("child");
    ListBranchesResponse second =
        servers.timelines().listBranches(request.setAfter(first.getNext()).build());
    assertThat(second.getBranchesList()).extracting(Branch::getName).containsExactly("main");
    assertThat(second.hasNext()).isFalse();
  }

  private Branch archive(String name, boolean isArchived) {
    return servers
        .timelines()
        .archiveBranch(
            ArchiveBranchRequest.newBuilder()
                .setTenantId(TENANT)
                .setBranch(name)
                .setArchived(isArchived)
                .build());
  }

  @Test
  void archivesABranch() {
    assertFails(() -> archive("main", true), Status.Code.FAILED_PRECONDITION, "child");
    assertThat(archive("child", true).hasArchivedAt()).isTrue();
    assertThat(archive("child", true).hasArchivedAt()).isTrue();
    assertThat(get("child").hasArchivedAt()).isTrue();
    assertFails(
        () ->
            servers
                .timelines()
                .beginWal(
                    BeginWalRequest.newBuilder().setTenantId(TENANT).setBranch("child").build()),
        Status.Code.FAILED_PRECONDITION,
        "branch unarchive child");
    assertThat(archive("child", false).hasArchivedAt()).isFalse();
  }

  private Branch detach(String name) {
    return servers
        .timelines()
        .detachBranch(DetachBranchRequest.newBuilder().setTenantId(TENANT).setBranch(name).build());
  }

  @Test
  void detachesABranch() {
    assertThat(detach("child").hasAncestorName()).isFalse();
    assertThat(detach("child").hasAncestorTimelineId()).isFalse();
    Branch child = get("child");
    assertThat(child.getSharedLayerSizeBytes()).isZero();
    assertThat(child.getLayerSizeBytes()).isPositive();
    assertThat(child.getLogicalSizeBytes()).isEqualTo(get("main").getLogicalSizeBytes());
    assertFails(
        () ->
            servers
                .timelines()
                .resetBranch(
                    ResetBranchRequest.newBuilder()
                        .setTenantId(TENANT)
                        .setBranch("child")
                        .setTimelineId(NEW.toString())
                        .build()),
        Status.Code.FAILED_PRECONDITION,
        "no parent");
  }

  @Test
  void blocksGarbageCollection() {
    BlockGcRequest.Builder request = BlockGcRequest.newBuilder().setTenantId(TENANT);
    BlockGcRequest block = request.setBlocked(true).setReason("audit").build();
    assertThat(servers.timelines().blockGc(block).getBranches()).isEqualTo(2);
    assertThat(get("child").getGcBlock()).isEqualTo("audit");
    assertThat(
            servers
                .timelines()
                .runGc(RunGcRequest.newBuilder().setTenantId(TENANT).setDryRun(true).build())
                .getBranchesList())
        .extracting(BranchGarbage::getHeldBy)
        .containsExactly("blocked", "blocked");
    BlockGcRequest unblock = request.setBranch("child").setBlocked(false).build();
    assertThat(servers.timelines().blockGc(unblock).getBranches()).isEqualTo(1);
    assertThat(get("child").hasGcBlock()).isFalse();
    assertThat(get("main").hasGcBlock()).isTrue();
  }

  @Test
  void leasesAnLsn() {
    LeaseBranchLsnRequest.Builder request =
        LeaseBranchLsnRequest.newBuilder().setTenantId(TENANT).setBranch("child");
    Branch leased =
        servers.timelines().leaseBranchLsn(request.setUntil(in(Duration.ofHours(1))).build());
    assertThat(leased.getLeasesList())
        .extracting(Branch.Lease::getLsn)
        .containsExactly(leased.getLastRecordLsn());
    Branch released =
        servers
            .timelines()
            .leaseBranchLsn(request.clearUntil().setLsn(leased.getLastRecordLsn()).build());
    assertThat(released.getLeasesList()).isEmpty();
  }

  @Test
  void listsAndDeletesBranchesWhoseLayersAreDamaged() throws Exception {
    servers.close();
    try (Stream<Path> files = Files.walk(directory.resolve("pageserver/layers"))) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        byte[] bytes = Files.readAllBytes(file);
        for (int at = 0; at < bytes.length * 3 / 4; at += 64) {
          bytes[at] ^= 1;
        }
        // In place, so in the object store, too, which has the same file.
        Files.write(file, bytes);
      }
    }
    servers = new Servers(directory, 300).start();
    assertThat(
            servers
                .timelines()
                .listBranches(ListBranchesRequest.newBuilder().setTenantId(TENANT).build())
                .getBranchesList())
        .extracting(Branch::getName, Branch::hasLogicalSizeBytes)
        .containsExactly(tuple("child", false), tuple("main", false));
    assertThat(get("child").hasLogicalSizeBytes()).isFalse();
    var _ =
        servers
            .timelines()
            .deleteBranch(
                DeleteBranchRequest.newBuilder().setTenantId(TENANT).setBranch("child").build());
  }

  @Test
  void renamesAndProtects() {
    Branch renamed =
        servers
            .timelines()
            .renameBranch(
                RenameBranchRequest.newBuilder()
                    .setTenantId(TENANT)
                    .setBranch("child")
                    .setName("kid")
                    .build());
    assertThat(renamed.getName()).isEqualTo("kid");
    assertThat(get("kid").getTimelineId()).isEqualTo(CHILD.toString());
    assertFails(() -> get("child"), Status.Code.NOT_FOUND, "kid");
    Branch kept =
        servers
            .timelines()
            .protectBranch(
                ProtectBranchRequest.newBuilder()
                    .setTenantId(TENANT)
                    .setBranch("kid")
                    .setProtected(true)
                    .build());
    assertThat(kept.getProtected()).isTrue();
    assertFails(
        () ->
            servers
                .timelines()
                .deleteBranch(
                    DeleteBranchRequest.newBuilder().setTenantId(TENANT).setBranch("kid").build()),
        Status.Code.FAILED_PRECONDITION,
        "branch unprotect kid");
  }

  @Test
  void endsABranchAndBringsItBack() {
    assertFails(
        () -> setExpiry(Duration.ofSeconds(-5)), Status.Code.INVALID_ARGUMENT, "cannot end at");
    assertThat(setExpiry(Duration.ofSeconds(2)).hasExpiresAt()).isTrue();
    while (!get("child").hasExpiredAt()) {
      LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(50));
    }
    Branch expired = get("child");
    assertThat(expired.getDeletedAt().getSeconds() - expired.getExpiredAt().getSeconds())
        .isEqualTo(Duration.ofDays(1).toSeconds());
    assertFails(() -> readChild(), Status.Code.FAILED_PRECONDITION, "branch recover child");
    assertFails(
        () ->
            servers
                .timelines()
                .beginWal(
                    BeginWalRequest.newBuilder().setTenantId(TENANT).setBranch("child").build()),
        Status.Code.FAILED_PRECONDITION,
        "branch recover child");
    Branch back =
        servers
            .timelines()
            .recoverBranch(
                RecoverBranchRequest.newBuilder().setTenantId(TENANT).setBranch("child").build());
    assertThat(back.hasExpiredAt() || back.hasExpiresAt()).isFalse();
    readChild();
  }

  private Branch setExpiry(Duration time) {
    return servers
        .timelines()
        .setBranchExpiry(
            SetBranchExpiryRequest.newBuilder()
                .setTenantId(TENANT)
                .setBranch("child")
                .setExpiresAt(in(time))
                .build());
  }

  private void readChild() {
    RelTag table =
        RelTag.newBuilder()
            .setSpcOid(TinyCluster.TABLE.spcOid())
            .setDbOid(TinyCluster.TABLE.dbOid())
            .setRelNumber(TinyCluster.TABLE.relNumber())
            .build();
    assertThat(
            servers
                .pages(new TenantTimelineId(Servers.ROOT.tenant(), CHILD))
                .getRelSize(
                    GetRelSizeRequest.newBuilder()
                        .setReadLsn(ReadLsn.newBuilder().setRequestLsn(Lsn.MAX.value()))
                        .setRel(table)
                        .build())
                .getNumBlocks())
        .isPositive();
  }

  @Test
  void restoresAndResets() {
    Branch restored =
        servers
            .timelines()
            .restoreBranch(
                RestoreBranchRequest.newBuilder()
                    .setTenantId(TENANT)
                    .setBranch("main")
                    .setTimelineId(NEW.toString())
                    .setLsn(cluster.end().value())
                    .setKeptAs("before")
                    .build());
    assertThat(restored.getName()).isEqualTo("main");
    assertThat(restored.getTimelineId()).isEqualTo(NEW.toString());
    assertThat(restored.getAncestorName()).isEqualTo("before");
    assertThat(get("before").getTimelineId()).isEqualTo(Servers.ROOT.timeline().toString());
    assertThat(get("child").getAncestorName()).isEqualTo("before");
    Branch reset =
        servers
            .timelines()
            .resetBranch(
                ResetBranchRequest.newBuilder()
                    .setTenantId(TENANT)
                    .setBranch("child")
                    .setTimelineId(new TimelineId(4, 2).toString())
                    .setKeptAs("aside")
                    .build());
    assertThat(reset.getAncestorName()).isEqualTo("before");
    assertThat(get("aside").getTimelineId()).isEqualTo(CHILD.toString());
    assertFails(
        () ->
            servers
                .timelines()
                .resetBranch(
                    ResetBranchRequest.newBuilder()
                        .setTenantId(TENANT)
                        .setBranch("before")
                        .setTimelineId(new TimelineId(4, 3).toString())
                        .build()),
        Status.Code.FAILED_PRECONDITION,
        "no parent");
    assertFails(
        () ->
            servers
                .timelines()
                .restoreBranch(
                    RestoreBranchRequest.newBuilder()
                        .setTenantId(TENANT)
                        .setBranch("main")
                        .setTimelineId(new TimelineId(4, 4).toString())
                        .build()),
        Status.Code.INVALID_ARGUMENT,
        "neither an LSN nor a time");
  }
}
