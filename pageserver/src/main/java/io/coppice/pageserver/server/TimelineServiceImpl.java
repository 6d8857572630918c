package io.coppice.pageserver.server;

import com.google.protobuf.Timestamp;
import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.TenantId;
import io.coppice.common.id.TimelineId;
import io.coppice.common.id.WalStart;
import io.coppice.common.platform.Clock;
import io.coppice.pageserver.importer.DataDirectoryImporter;
import io.coppice.pageserver.importer.ImportTarget;
import io.coppice.pageserver.query.Commit;
import io.coppice.pageserver.query.CommitIndex;
import io.coppice.pageserver.tenant.BranchRequest;
import io.coppice.pageserver.tenant.TenantInfo;
import io.coppice.pageserver.tenant.TenantManager;
import io.coppice.pageserver.timeline.Timeline;
import io.coppice.proto.v1.BeginWalRequest;
import io.coppice.proto.v1.BeginWalResponse;
import io.coppice.proto.v1.Branch;
import io.coppice.proto.v1.CreateBranchRequest;
import io.coppice.proto.v1.DeleteBranchRequest;
import io.coppice.proto.v1.DeleteBranchResponse;
import io.coppice.proto.v1.FlushBranchRequest;
import io.coppice.proto.v1.GetBranchRequest;
import io.coppice.proto.v1.ImportHeader;
import io.coppice.proto.v1.ImportTenantRequest;
import io.coppice.proto.v1.ListBranchesRequest;
import io.coppice.proto.v1.ListBranchesResponse;
import io.coppice.proto.v1.ListLayersRequest;
import io.coppice.proto.v1.ListLayersResponse;
import io.coppice.proto.v1.ListTenantsRequest;
import io.coppice.proto.v1.ListTenantsResponse;
import io.coppice.proto.v1.LsnAtTimeRequest;
import io.coppice.proto.v1.LsnAtTimeResponse;
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
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Administration of tenants and branches. */
final class TimelineServiceImpl extends TimelineServiceGrpc.TimelineServiceImplBase {
  private static final String ROOT_BRANCH_NAME = "main";
  private static final long FLUSH_MILLIS_MAX = 300_000;

  private final Timelines timelines;
  private final TenantManager tenants;
  private final DataDirectoryImporter importer;
  private final Clock clock;
  private final long lsnWaitMillis;

  TimelineServiceImpl(
      Timelines timelines, DataDirectoryImporter importer, Clock clock, long lsnWaitMillis) {
    this.timelines = timelines;
    this.tenants = timelines.tenants();
    this.importer = importer;
    this.clock = clock;
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
                case TIME -> Optional.of(branchPoint(parent, Wire.instant(request.getTime())));
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
                      lsnWaitMillis));
          return branch(branch);
        });
  }

  /** Where a branch at a time begins. */
  private Lsn branchPoint(Timeline parent, Instant time)
      throws StorageException, InterruptedException {
    CommitIndex.Found found = find(parent, time);
    if (found.kind() == CommitIndex.Kind.PAST && time.isBefore(root(parent).createdAt())) {
      throw new StorageException.Precondition(
          "branch %s has no history at %s: it begins at %s"
              .formatted(parent.name(), time, root(parent).createdAt()));
    }
    return found.lsn();
  }

  private Timeline root(Timeline timeline) throws StorageException {
    return root(tenants.tenant(timeline.id().tenant()));
  }

  /** After the last commit that is known, the answer may be wrong until all WAL is here. */
  private CommitIndex.Found find(Timeline timeline, Instant time)
      throws StorageException, InterruptedException {
    Instant now = clock.now();
    if (time.isAfter(now)) {
      throw new StorageException.Invalid("%s is in the future: here it is %s".formatted(time, now));
    }
    CommitIndex.Found found = CommitIndex.atTime(timeline, time);
    if (found.kind() == CommitIndex.Kind.PRESENT) {
      return found;
    }
    timelines.awaitCommitted(timeline);
    return CommitIndex.atTime(timeline, time);
  }

  @Override
  public void listBranches(ListBranchesRequest request, StreamObserver<ListBranchesResponse> out) {
    Answers.now(
        out,
        () -> {
          List<Branch> branches = new ArrayList<>();
          for (Timeline timeline : tenants.branches(TenantId.parse(request.getTenantId()))) {
            branches.add(branch(timeline));
          }
          return ListBranchesResponse.newBuilder().addAllBranches(branches).build();
        });
  }

  @Override
  public void getBranch(GetBranchRequest request, StreamObserver<Branch> out) {
    Answers.now(out, () -> branch(find(request.getTenantId(), request.getBranch())));
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
          Timeline timeline = find(request.getTenantId(), request.getBranch());
          return Wire.lsnAtTime(find(timeline, Wire.instant(request.getTime())));
        });
  }

  @Override
  public void timeAtLsn(TimeAtLsnRequest request, StreamObserver<TimeAtLsnResponse> out) {
    Answers.later(
        out,
        () -> {
          Timeline timeline = find(request.getTenantId(), request.getBranch());
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
          WalStart start = find(request.getTenantId(), request.getBranch()).beginWal();
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
          find(request.getTenantId(), request.getBranch()).startWal(request.getCreation());
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

  private Timeline find(String tenantId, String branch) throws StorageException {
    return tenants.branch(TenantId.parse(tenantId), branch);
  }

  private Branch branch(Timeline timeline) throws StorageException {
    return Wire.branch(timeline, tenants);
  }
}
