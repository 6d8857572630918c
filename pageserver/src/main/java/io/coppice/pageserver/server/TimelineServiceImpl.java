package io.coppice.pageserver.server;

import com.google.protobuf.Timestamp;
import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.TenantId;
import io.coppice.common.id.TimelineId;
import io.coppice.common.id.WalStart;
import io.coppice.common.platform.Clock;
import io.coppice.pageserver.gc.GcSettings;
import io.coppice.pageserver.importer.DataDirectoryImporter;
import io.coppice.pageserver.importer.ImportTarget;
import io.coppice.pageserver.query.Commit;
import io.coppice.pageserver.query.CommitIndex;
import io.coppice.pageserver.remote.BranchTerm;
import io.coppice.pageserver.tenant.BranchRequest;
import io.coppice.pageserver.tenant.TenantInfo;
import io.coppice.pageserver.tenant.TenantManager;
import io.coppice.pageserver.timeline.Timeline;
import io.coppice.proto.v1.ArchiveBranchRequest;
import io.coppice.proto.v1.BeginWalRequest;
import io.coppice.proto.v1.BeginWalResponse;
import io.coppice.proto.v1.BlockGcRequest;
import io.coppice.proto.v1.BlockGcResponse;
import io.coppice.proto.v1.Branch;
import io.coppice.proto.v1.CreateBranchRequest;
import io.coppice.proto.v1.DeleteBranchRequest;
import io.coppice.proto.v1.DeleteBranchResponse;
import io.coppice.proto.v1.DetachBranchRequest;
import io.coppice.proto.v1.DiffBranchesRequest;
import io.coppice.proto.v1.DiffBranchesResponse;
import io.coppice.proto.v1.ExplainPageRequest;
import io.coppice.proto.v1.ExplainPageResponse;
import io.coppice.proto.v1.FlushBranchRequest;
import io.coppice.proto.v1.GetBranchRequest;
import io.coppice.proto.v1.ImportHeader;
import io.coppice.proto.v1.ImportTenantRequest;
import io.coppice.proto.v1.LeaseBranchLsnRequest;
import io.coppice.proto.v1.ListBranchesRequest;
import io.coppice.proto.v1.ListBranchesResponse;
import io.coppice.proto.v1.ListLayersRequest;
import io.coppice.proto.v1.ListLayersResponse;
import io.coppice.proto.v1.ListTenantsRequest;
import io.coppice.proto.v1.ListTenantsResponse;
import io.coppice.proto.v1.LsnAtTimeRequest;
import io.coppice.proto.v1.LsnAtTimeResponse;
import io.coppice.proto.v1.ProtectBranchRequest;
import io.coppice.proto.v1.RecoverBranchRequest;
import io.coppice.proto.v1.RenameBranchRequest;
import io.coppice.proto.v1.ResetBranchRequest;
import io.coppice.proto.v1.RestoreBranchRequest;
import io.coppice.proto.v1.RunGcRequest;
import io.coppice.proto.v1.RunGcResponse;
import io.coppice.proto.v1.SetBranchExpiryRequest;
import io.coppice.proto.v1.StartWalRequest;
import io.coppice.proto.v1.StartWalResponse;
import io.coppice.proto.v1.Tenant;
import io.coppice.proto.v1.TimeAtLsnRequest;
import io.coppice.proto.v1.TimeAtLsnResponse;
import io.coppice.proto.v1.TimelineServiceGrpc;
import io.coppice.proto.v1.WaitForLsnRequest;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.io.InputStream;
import java.time.Instant;
import java.util.Optional;

/** Administration of tenants and branches. */
final class TimelineServiceImpl extends TimelineServiceGrpc.TimelineServiceImplBase {
  private static final String ROOT_BRANCH_NAME = "main";
  private static final long FLUSH_MILLIS_MAX = 300_000;

  private final Timelines timelines;
  private final TenantManager tenants;
  private final DataDirectoryImporter importer;
  private final GcSettings gc;
  private final Clock clock;
  private final Moments moments;
  private final BranchCalls branches;
  private final BranchSizes sizes;
  private final long lsnWaitMillis;

  TimelineServiceImpl(
      Timelines timelines,
      DataDirectoryImporter importer,
      GcSettings gc,
      Clock clock,
      long lsnWaitMillis) {
    this.timelines = timelines;
    this.tenants = timelines.tenants();
    this.importer = importer;
    this.gc = gc;
    this.clock = clock;
    this.moments = new Moments(timelines, clock);
    this.branches = new BranchCalls(timelines, moments, lsnWaitMillis);
    this.sizes = timelines.sizes();
    this.lsnWaitMillis = lsnWaitMillis;
  }

  @Override
  public StreamObserver<ImportTenantRequest> importTenant(StreamObserver<Tenant> out) {
    return new ImportCall(out, this::load);
  }

  private Tenant load(ImportHeader header, InputStream tar) throws StorageException, IOException {
    ImportTarget target =
        new ImportTarget(
            TenantId.parse(header.getTenantId()),
            header.getName(),
            TimelineId.parse(header.getTimelineId()),
            header.getBranchName().isEmpty() ? ROOT_BRANCH_NAME : header.getBranchName());
    Optional<TenantInfo> existing =
        tenants.tenants().stream().filter(info -> info.id().equals(target.tenant())).findAny();
    if (existing.isPresent()) {
      return repeated(existing.get(), target);
    }
    Timeline root = importer.importTar(target, tar);
    return Wire.tenant(tenants.tenant(target.tenant()), root);
  }

  /** The same import again succeeds without looking at the tar; another one is refused. */
  private Tenant repeated(TenantInfo existing, ImportTarget target) throws StorageException {
    Timeline root = root(existing);
    if (!existing.name().equals(target.tenantName())
        || !existing.rootTimeline().equals(target.timeline())
        || !root.name().equals(target.branchName())) {
      throw new StorageException.Conflict(
          "tenant %s exists already: %s with root branch %s (%s)"
              .formatted(existing.id(), existing.name(), root.name(), existing.rootTimeline()));
    }
    return Wire.tenant(existing, root);
  }

  private Timeline root(TenantInfo tenant) throws StorageException {
    return tenants.branch(tenant.id(), tenant.rootTimeline().toString());
  }

  @Override
  public void listTenants(ListTenantsRequest request, StreamObserver<ListTenantsResponse> out) {
    Answers.now(
        out,
        () -> {
          ListTenantsResponse.Builder response = ListTenantsResponse.newBuilder();
          for (TenantInfo tenant : tenants.tenants()) {
            response.addTenants(Wire.tenant(tenant, root(tenant)));
          }
          return response.build();
        });
  }

  @Override
  public void createBranch(CreateBranchRequest request, StreamObserver<Branch> out) {
    Answers.later(
        out,
        () -> {
          Timeline parent = find(request.getTenantId(), request.getParent());
          Optional<Lsn> lsn =
              switch (request.getAtCase()) {
                case LSN -> Optional.of(new Lsn(request.getLsn()));
                case TIME ->
                    Optional.of(moments.branchPoint(parent, Wire.instant(request.getTime())));
                case AT_NOT_SET -> {
                  timelines.awaitCommitted(parent);
                  yield Optional.empty();
                }
              };
          if (lsn.isPresent()) {
            timelines.await(parent, lsn.get());
          }
          Timeline branch =
              tenants.createBranch(
                  new BranchRequest(
                      parent.id().tenant(),
                      TimelineId.parse(request.getTimelineId()),
                      request.getName(),
                      parent.id().timeline(),
                      lsn,
                      expiry(request),
                      lsnWaitMillis));
          return branch(branch);
        });
  }

  private BranchTerm expiry(CreateBranchRequest request) throws StorageException {
    if (!request.hasExpiresAt()) {
      return BranchTerm.OPEN;
    }
    Instant expiresAt = Wire.instant(request.getExpiresAt());
    if (!expiresAt.isAfter(clock.now())) {
      throw new StorageException.Invalid(
          "a branch cannot end at %s: here it is %s".formatted(expiresAt, clock.now()));
    }
    return BranchTerm.OPEN.withExpiresAt(Optional.of(expiresAt));
  }

  @Override
  public void renameBranch(RenameBranchRequest request, StreamObserver<Branch> out) {
    Answers.later(out, () -> branch(branches.rename(request)));
  }

  @Override
  public void protectBranch(ProtectBranchRequest request, StreamObserver<Branch> out) {
    Answers.later(out, () -> branch(branches.protect(request)));
  }

  @Override
  public void archiveBranch(ArchiveBranchRequest request, StreamObserver<Branch> out) {
    Answers.later(out, () -> branch(branches.archive(request, FLUSH_MILLIS_MAX)));
  }

  @Override
  public void detachBranch(DetachBranchRequest request, StreamObserver<Branch> out) {
    Answers.later(out, () -> branch(branches.detach(request, FLUSH_MILLIS_MAX)));
  }

  @Override
  public void blockGc(BlockGcRequest request, StreamObserver<BlockGcResponse> out) {
    Answers.later(out, () -> branches.blockGc(request));
  }

  @Override
  public void leaseBranchLsn(LeaseBranchLsnRequest request, StreamObserver<Branch> out) {
    Answers.later(out, () -> branch(branches.lease(request)));
  }

  @Override
  public void setBranchExpiry(SetBranchExpiryRequest request, StreamObserver<Branch> out) {
    Answers.later(out, () -> branch(branches.setExpiry(request)));
  }

  @Override
  public void recoverBranch(RecoverBranchRequest request, StreamObserver<Branch> out) {
    Answers.later(out, () -> branch(branches.recover(request)));
  }

  @Override
  public void restoreBranch(RestoreBranchRequest request, StreamObserver<Branch> out) {
    Answers.later(out, () -> branch(branches.restore(request)));
  }

  @Override
  public void resetBranch(ResetBranchRequest request, StreamObserver<Branch> out) {
    Answers.later(out, () -> branch(branches.reset(request)));
  }

  @Override
  public void diffBranches(DiffBranchesRequest request, StreamObserver<DiffBranchesResponse> out) {
    new DiffCall(timelines, FLUSH_MILLIS_MAX).answer(request, out);
  }

  @Override
  public void listBranches(ListBranchesRequest request, StreamObserver<ListBranchesResponse> out) {
    Answers.later(out, () -> new BranchListing(tenants, sizes).list(request));
  }

  @Override
  public void getBranch(GetBranchRequest request, StreamObserver<Branch> out) {
    Answers.later(
        out,
        () -> {
          Timeline timeline = find(request.getTenantId(), request.getBranch());
          return Wire.branch(
              timeline, tenants, sizes.sharedBytes(timeline), sizes.budget().find(timeline));
        });
  }

  @Override
  public void deleteBranch(DeleteBranchRequest request, StreamObserver<DeleteBranchResponse> out) {
    Answers.later(
        out,
        () -> {
          tenants.deleteBranch(find(request.getTenantId(), request.getBranch()).id());
          return DeleteBranchResponse.getDefaultInstance();
        });
  }

  @Override
  public void lsnAtTime(LsnAtTimeRequest request, StreamObserver<LsnAtTimeResponse> out) {
    Answers.later(
        out,
        () -> {
          Timeline timeline = usable(request.getTenantId(), request.getBranch());
          return Wire.lsnAtTime(moments.find(timeline, Wire.instant(request.getTime())));
        });
  }

  @Override
  public void timeAtLsn(TimeAtLsnRequest request, StreamObserver<TimeAtLsnResponse> out) {
    Answers.later(
        out,
        () -> {
          Timeline timeline = usable(request.getTenantId(), request.getBranch());
          Lsn asked = new Lsn(request.getLsn());
          timelines.await(timeline, asked);
          Lsn lsn = ReadPoint.at(asked).resolve(timeline);
          Commit commit =
              CommitIndex.lastAtOrBefore(timeline, lsn)
                  .orElseThrow(() ->
                      new StorageException.Precondition(
                          "branch %s has no commit at or before %s: it was imported as of %s"
                              .formatted(timeline.name(), lsn, timeline.readableFrom())));
          Timestamp time = PageServiceImpl.timestamp(commit.time());
          return TimeAtLsnResponse.newBuilder()
              .setCommitTime(time)
              .setCommitLsn(commit.lsn().value())
              .build();
        });
  }

  @Override
  public void beginWal(BeginWalRequest request, StreamObserver<BeginWalResponse> out) {
    Answers.later(
        out,
        () -> {
          Timeline timeline = usable(request.getTenantId(), request.getBranch());
          WalStart start = timeline.beginWal();
          return BeginWalResponse.newBuilder()
              .setCreation(start.isStarted() ? start.started() : start.attempts())
              .setStarted(start.isStarted())
              .build();
        });
  }

  @Override
  public void startWal(StartWalRequest request, StreamObserver<StartWalResponse> out) {
    Answers.later(
        out,
        () -> {
          Timeline timeline = usable(request.getTenantId(), request.getBranch());
          timeline.startWal(request.getCreation());
          return StartWalResponse.getDefaultInstance();
        });
  }

  @Override
  public void waitForLsn(WaitForLsnRequest request, StreamObserver<Branch> out) {
    Answers.later(
        out,
        () -> {
          Timeline timeline = find(request.getTenantId(), request.getBranch());
          timelines.await(timeline, new Lsn(request.getLsn()));
          return branch(timeline);
        });
  }

  @Override
  public void flushBranch(FlushBranchRequest request, StreamObserver<Branch> out) {
    Answers.later(
        out,
        () -> {
          Timeline timeline = find(request.getTenantId(), request.getBranch());
          timeline.flush(FLUSH_MILLIS_MAX);
          return branch(timeline);
        });
  }

  @Override
  public void listLayers(ListLayersRequest request, StreamObserver<ListLayersResponse> out) {
    Answers.now(
        out,
        () -> {
          ListLayersResponse.Builder response = ListLayersResponse.newBuilder();
          find(request.getTenantId(), request.getBranch())
              .layers()
              .forEach(layer -> response.addLayers(Wire.layer(layer)));
          return response.build();
        });
  }

  @Override
  public void runGc(RunGcRequest request, StreamObserver<RunGcResponse> out) {
    Answers.later(
        out,
        () -> {
          TenantId tenant = TenantId.parse(request.getTenantId());
          Optional<TimelineId> only =
              request.hasBranch()
                  ? Optional.of(tenants.branch(tenant, request.getBranch()).id().timeline())
                  : Optional.empty();
          RunGcResponse.Builder response = RunGcResponse.newBuilder();
          tenants
              .garbage()
              .run(tenant, only, gc, request.getDryRun())
              .forEach(report -> response.addBranches(Wire.garbage(report)));
          return response.build();
        });
  }

  @Override
  public void explainPage(ExplainPageRequest request, StreamObserver<ExplainPageResponse> out) {
    Answers.later(
        out,
        () ->
            new ExplainCall(timelines, clock)
                .explain(usable(request.getTenantId(), request.getBranch()), request));
  }

  private Timeline find(String tenantId, String branch) throws StorageException {
    return tenants.branch(TenantId.parse(tenantId), branch);
  }

  private Timeline usable(String tenantId, String branch) throws StorageException {
    Timeline found = find(tenantId, branch);
    found.checkUsable();
    return found;
  }

  private Branch branch(Timeline timeline) throws StorageException {
    return Wire.branch(timeline, tenants, sizes.sharedBytes(timeline), sizes.known(timeline));
  }
}
