package io.coppice.compute.storage;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.RelationTag;
import io.coppice.common.id.TenantId;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.common.id.TimelineId;
import io.coppice.common.rpc.HostPort;
import io.coppice.common.rpc.RpcChannel;
import io.coppice.common.rpc.RpcHeaders;
import io.coppice.common.rpc.RpcStatus;
import io.coppice.proto.page.BaseBackupCompression;
import io.coppice.proto.page.GetBaseBackupRequest;
import io.coppice.proto.page.GetBaseBackupResponseChunk;
import io.coppice.proto.page.GetDbSizeRequest;
import io.coppice.proto.page.GetRelSizeRequest;
import io.coppice.proto.page.GetRelSizeResponse;
import io.coppice.proto.page.GetSlruSegmentRequest;
import io.coppice.proto.page.LeaseLsnRequest;
import io.coppice.proto.page.PageServiceGrpc;
import io.coppice.proto.v1.BeginWalRequest;
import io.coppice.proto.v1.BeginWalResponse;
import io.coppice.proto.v1.Branch;
import io.coppice.proto.v1.CreateBranchRequest;
import io.coppice.proto.v1.DeleteBranchRequest;
import io.coppice.proto.v1.ExplainPageRequest;
import io.coppice.proto.v1.ExplainPageResponse;
import io.coppice.proto.v1.FlushBranchRequest;
import io.coppice.proto.v1.GetBranchRequest;
import io.coppice.proto.v1.ImportHeader;
import io.coppice.proto.v1.Layer;
import io.coppice.proto.v1.ListBranchesRequest;
import io.coppice.proto.v1.ListBranchesResponse;
import io.coppice.proto.v1.ListLayersRequest;
import io.coppice.proto.v1.ListTenantsRequest;
import io.coppice.proto.v1.LsnAtTimeRequest;
import io.coppice.proto.v1.RunGcRequest;
import io.coppice.proto.v1.RunGcResponse;
import io.coppice.proto.v1.StartWalRequest;
import io.coppice.proto.v1.Tenant;
import io.coppice.proto.v1.TimeAtLsnRequest;
import io.coppice.proto.v1.TimeAtLsnResponse;
import io.coppice.proto.v1.TimelineServiceGrpc;
import io.coppice.proto.v1.WaitForLsnRequest;
import io.grpc.Context;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.MetadataUtils;
import java.io.InputStream;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

/**
 * Calls a page server and waits for its answers. Thread safe; every call has a deadline.
 *
 * <p>Branches are named by name or by id. A {@code Transient} failure has the {@link
 * StatusRuntimeException} as its cause, so that a caller can tell a deadline from a server that is
 * not there.
 */
public final class PageserverClient implements AutoCloseable {
  /** Of a call that only looks something up or changes a little. */
  public static final long CALL_TIMEOUT_MILLIS = 30_000;

  /** Of calls that move a whole data directory. */
  static final long TRANSFER_TIMEOUT_MILLIS = 3_600_000;

  private static final long CLOSE_TIMEOUT_MILLIS = 2_000;

  private final HostPort address;
  private final ManagedChannel channel;

  private PageserverClient(HostPort address, ManagedChannel channel) {
    this.address = address;
    this.channel = channel;
  }

  /** Connects on first use. */
  public static PageserverClient open(HostPort address) {
    return new PageserverClient(address, RpcChannel.open(address));
  }

  public HostPort address() {
    return address;
  }

  /**
   * Makes a tenant whose root branch holds the data directory in the tar.
   *
   * @param branchName of the root branch
   * @param tar a cleanly shut down data directory; called once, on this thread
   */
  public TenantInfo importTenant(
      TenantId tenant, String name, TimelineId timeline, String branchName, TarSource tar)
      throws StorageException {
    ImportHeader header =
        ImportHeader.newBuilder()
            .setTenantId(tenant.toString())
            .setName(name)
            .setTimelineId(timeline.toString())
            .setBranchName(branchName)
            .build();
    TimelineServiceGrpc.TimelineServiceStub stub =
        TimelineServiceGrpc.newStub(channel)
            .withDeadlineAfter(TRANSFER_TIMEOUT_MILLIS, TimeUnit.MILLISECONDS);
    try {
      return WireCodec.tenant(ImportStream.send(stub, header, tar));
    } catch (StatusRuntimeException e) {
      throw failure(e);
    }
  }

  public List<TenantInfo> listTenants() throws StorageException {
    List<TenantInfo> tenants = new ArrayList<>();
    for (Tenant tenant :
        call(() -> timelines().listTenants(ListTenantsRequest.getDefaultInstance()))
            .getTenantsList()) {
      tenants.add(WireCodec.tenant(tenant));
    }
    return tenants;
  }

  /**
   * Makes a branch. Repeating a call with the same id and parameters succeeds.
   *
   * @param timeline id of the new branch
   */
  public BranchInfo createBranch(
      TenantId tenant, TimelineId timeline, String name, String parent, BranchPoint at)
      throws StorageException {
    return createBranch(tenant, timeline, name, parent, at, Optional.empty());
  }

  /** Makes a branch that ends by itself, if a time is given. */
  public BranchInfo createBranch(
      TenantId tenant,
      TimelineId timeline,
      String name,
      String parent,
      BranchPoint at,
      Optional<Instant> expiresAt)
      throws StorageException {
    CreateBranchRequest.Builder request =
        CreateBranchRequest.newBuilder()
            .setTenantId(tenant.toString())
            .setTimelineId(timeline.toString())
            .setName(name)
            .setParent(parent);
    switch (at) {
      case BranchPoint.Newest() -> {}
      case BranchPoint.AtLsn(Lsn lsn) -> request.setLsn(lsn.value());
      case BranchPoint.AtTime(Instant time) -> request.setTime(WireCodec.timestamp(time));
    }
    expiresAt.ifPresent(time -> request.setExpiresAt(WireCodec.timestamp(time)));
    return WireCodec.branch(call(() -> timelines().createBranch(request.build())));
  }

  /** All branches, in order of name; got in pages. */
  public List<BranchInfo> listBranches(TenantId tenant) throws StorageException {
    // By id, for one that is renamed meanwhile may come twice.
    Map<TimelineId, BranchInfo> branches = new LinkedHashMap<>();
    ListBranchesRequest.Builder request =
        ListBranchesRequest.newBuilder().setTenantId(tenant.toString());
    ListBranchesResponse page;
    do {
      page = call(() -> timelines().listBranches(request.build()));
      for (Branch message : page.getBranchesList()) {
        BranchInfo branch = WireCodec.branch(message);
        branches.put(branch.timeline(), branch);
      }
      request.setAfter(page.getNext());
    } while (page.hasNext());
    return List.copyOf(branches.values());
  }

  public BranchInfo getBranch(TenantId tenant, String branch) throws StorageException {
    GetBranchRequest request =
        GetBranchRequest.newBuilder().setTenantId(tenant.toString()).setBranch(branch).build();
    return WireCodec.branch(call(() -> timelines().getBranch(request)));
  }

  /** Refused ({@code Precondition}) while the branch has children. */
  public void deleteBranch(TenantId tenant, String branch) throws StorageException {
    DeleteBranchRequest request =
        DeleteBranchRequest.newBuilder().setTenantId(tenant.toString()).setBranch(branch).build();
    var _ = call(() -> timelines().deleteBranch(request));
  }

  public LsnAtTime lsnAtTime(TenantId tenant, String branch, Instant time) throws StorageException {
    LsnAtTimeRequest request =
        LsnAtTimeRequest.newBuilder()
            .setTenantId(tenant.toString())
            .setBranch(branch)
            .setTime(WireCodec.timestamp(time))
            .build();
    return WireCodec.lsnAtTime(call(() -> timelines().lsnAtTime(request)));
  }

  public TimeAtLsn timeAtLsn(TenantId tenant, String branch, Lsn lsn) throws StorageException {
    TimeAtLsnRequest request =
        TimeAtLsnRequest.newBuilder()
            .setTenantId(tenant.toString())
            .setBranch(branch)
            .setLsn(lsn.value())
            .build();
    TimeAtLsnResponse response = call(() -> timelines().timeAtLsn(request));
    return new TimeAtLsn(
        WireCodec.instant(response.getCommitTime()), new Lsn(response.getCommitLsn()));
  }

  /** Which creation of the branch on safekeepers counts; a new attempt while none does. */
  public WalCreation beginWal(TenantId tenant, String branch) throws StorageException {
    BeginWalRequest request =
        BeginWalRequest.newBuilder().setTenantId(tenant.toString()).setBranch(branch).build();
    BeginWalResponse answer = call(() -> timelines().beginWal(request));
    return new WalCreation(answer.getCreation(), answer.getStarted());
  }

  /**
   * Has the page server note, durably, that WAL may be committed from now on in that creation;
   * {@code Conflict} if another endpoint began later, or has started.
   */
  public void startWal(TenantId tenant, String branch, int creation) throws StorageException {
    StartWalRequest request =
        StartWalRequest.newBuilder()
            .setTenantId(tenant.toString())
            .setBranch(branch)
            .setCreation(creation)
            .build();
    var _ = call(() -> timelines().startWal(request));
  }

  /**
   * Returns when the branch has replayed WAL up to the LSN; {@code Transient} if it is too late.
   */
  public BranchInfo waitForLsn(TenantId tenant, String branch, Lsn lsn, long timeoutMillis)
      throws StorageException {
    WaitForLsnRequest request =
        WaitForLsnRequest.newBuilder()
            .setTenantId(tenant.toString())
            .setBranch(branch)
            .setLsn(lsn.value())
            .build();
    return WireCodec.branch(call(() -> timelines(timeoutMillis).waitForLsn(request)));
  }

  /** Returns when all that was replayed is in layer files and uploaded. */
  public BranchInfo flushBranch(TenantId tenant, String branch) throws StorageException {
    FlushBranchRequest request =
        FlushBranchRequest.newBuilder().setTenantId(tenant.toString()).setBranch(branch).build();
    return WireCodec.branch(call(() -> timelines(TRANSFER_TIMEOUT_MILLIS).flushBranch(request)));
  }

  public List<LayerInfo> listLayers(TenantId tenant, String branch) throws StorageException {
    ListLayersRequest request =
        ListLayersRequest.newBuilder().setTenantId(tenant.toString()).setBranch(branch).build();
    List<LayerInfo> layers = new ArrayList<>();
    for (Layer layer : call(() -> timelines().listLayers(request)).getLayersList()) {
      layers.add(WireCodec.layer(layer));
    }
    return layers;
  }

  /**
   * Cuts off history that need not be kept, or tells what that would do.
   *
   * @param branch name or id; all if empty
   */
  public List<BranchGarbage> runGc(TenantId tenant, Optional<String> branch, boolean dryRun)
      throws StorageException {
    RunGcRequest.Builder request =
        RunGcRequest.newBuilder().setTenantId(tenant.toString()).setDryRun(dryRun);
    branch.ifPresent(request::setBranch);
    RunGcResponse response = call(() -> timelines(TRANSFER_TIMEOUT_MILLIS).runGc(request.build()));
    return response.getBranchesList().stream().map(WireCodec::garbage).toList();
  }

  /**
   * Reads a page, and says what that took.
   *
   * @param lsn {@link Lsn#INVALID} takes the newest
   */
  public ExplainPageResponse explainPage(
      TenantId tenant, String branch, RelationTag relation, int block, Lsn lsn)
      throws StorageException {
    ExplainPageRequest request =
        ExplainPageRequest.newBuilder()
            .setTenantId(tenant.toString())
            .setBranch(branch)
            .setSpcOid(relation.spcOid())
            .setDbOid(relation.dbOid())
            .setRelNumber(relation.relNumber())
            .setForkNumber(relation.fork())
            .setBlockNumber(block)
            .setLsn(lsn.value())
            .build();
    return call(() -> timelines().explainPage(request));
  }

  /**
   * The tar of a data directory that a stock server starts from, with the relations' files. Close
   * it to end the transfer early.
   *
   * @param lsn {@link Lsn#INVALID} takes the newest
   */
  public InputStream baseBackup(TenantTimelineId timeline, Lsn lsn) {
    GetBaseBackupRequest request =
        GetBaseBackupRequest.newBuilder()
            .setLsn(lsn.value())
            .setFull(true)
            .setCompression(BaseBackupCompression.BASE_BACKUP_COMPRESSION_NONE)
            .build();
    Context.CancellableContext context = Context.current().withCancellation();
    Context previous = context.attach();
    try {
      Iterator<GetBaseBackupResponseChunk> chunks =
          pages(timeline, TRANSFER_TIMEOUT_MILLIS).getBaseBackup(request);
      return new BaseBackupStream(this, context, chunks);
    } finally {
      context.detach(previous);
    }
  }

  /**
   * One page, 8192 bytes.
   *
   * @param lsn {@link Lsn#MAX} reads the newest state; another is waited for
   */
  public byte[] getPage(TenantTimelineId timeline, RelationTag relation, int block, Lsn lsn)
      throws StorageException {
    return getPages(timeline, relation, List.of(block), lsn).getFirst();
  }

  /** Pages of one relation, read together, in the order of the blocks. */
  public List<byte[]> getPages(
      TenantTimelineId timeline, RelationTag relation, List<Integer> blocks, Lsn lsn)
      throws StorageException {
    PageServiceGrpc.PageServiceStub stub =
        PageServiceGrpc.newStub(channel)
            .withInterceptors(MetadataUtils.newAttachHeadersInterceptor(RpcHeaders.of(timeline)))
            .withDeadlineAfter(CALL_TIMEOUT_MILLIS, TimeUnit.MILLISECONDS);
    try {
      return PageCall.read(stub, relation, blocks, lsn);
    } catch (StatusRuntimeException e) {
      throw failure(e);
    }
  }

  /** Blocks of a relation's fork; empty if there is no such relation. */
  public OptionalInt getRelSize(TenantTimelineId timeline, RelationTag relation, Lsn lsn)
      throws StorageException {
    GetRelSizeRequest request =
        GetRelSizeRequest.newBuilder()
            .setReadLsn(WireCodec.readAt(lsn))
            .setRel(WireCodec.relation(relation))
            .setAllowMissing(true)
            .build();
    GetRelSizeResponse response =
        call(() -> pages(timeline, CALL_TIMEOUT_MILLIS).getRelSize(request));
    return response.getMissing() ? OptionalInt.empty() : OptionalInt.of(response.getNumBlocks());
  }

  /** Bytes of all forks of a database's relations, in all tablespaces. */
  public long getDbSizeBytes(TenantTimelineId timeline, int dbOid, Lsn lsn)
      throws StorageException {
    GetDbSizeRequest request =
        GetDbSizeRequest.newBuilder().setReadLsn(WireCodec.readAt(lsn)).setDbOid(dbOid).build();
    return call(() -> pages(timeline, CALL_TIMEOUT_MILLIS).getDbSize(request)).getNumBytes();
  }

  /**
   * One whole SLRU segment.
   *
   * @param kind 0 transaction status, 1 multixact members, 2 multixact offsets
   */
  public byte[] getSlruSegment(TenantTimelineId timeline, int kind, int segment, Lsn lsn)
      throws StorageException {
    GetSlruSegmentRequest request =
        GetSlruSegmentRequest.newBuilder()
            .setReadLsn(WireCodec.readAt(lsn))
            .setKind(kind)
            .setSegno(segment)
            .build();
    return call(() -> pages(timeline, CALL_TIMEOUT_MILLIS).getSlruSegment(request))
        .getSegment()
        .toByteArray();
  }

  /** Keeps an LSN readable; returns until when. */
  public Instant leaseLsn(TenantTimelineId timeline, Lsn lsn) throws StorageException {
    LeaseLsnRequest request = LeaseLsnRequest.newBuilder().setLsn(lsn.value()).build();
    return WireCodec.instant(
        call(() -> pages(timeline, CALL_TIMEOUT_MILLIS).leaseLsn(request)).getExpires());
  }

  /** Changes to branches. */
  public BranchClient branches() {
    return new BranchClient(this);
  }

  TimelineServiceGrpc.TimelineServiceBlockingStub timelines() {
    return timelines(CALL_TIMEOUT_MILLIS);
  }

  TimelineServiceGrpc.TimelineServiceBlockingStub timelines(long timeoutMillis) {
    return TimelineServiceGrpc.newBlockingStub(channel)
        .withDeadlineAfter(timeoutMillis, TimeUnit.MILLISECONDS);
  }

  private PageServiceGrpc.PageServiceBlockingStub pages(
      TenantTimelineId timeline, long timeoutMillis) {
    return PageServiceGrpc.newBlockingStub(channel)
        .withInterceptors(MetadataUtils.newAttachHeadersInterceptor(RpcHeaders.of(timeline)))
        .withDeadlineAfter(timeoutMillis, TimeUnit.MILLISECONDS);
  }

  <T> T call(Supplier<T> rpc) throws StorageException {
    try {
      return rpc.get();
    } catch (StatusRuntimeException e) {
      throw failure(e);
    }
  }

  /** What a failed call means to our caller. */
  StorageException failure(StatusRuntimeException failed) {
    StorageException known = RpcStatus.toException(failed.getStatus());
    if (!(known instanceof StorageException.Transient)) {
      return known;
    }
    String message =
        switch (failed.getStatus().getCode()) {
          case UNAVAILABLE -> "page server at %s: %s".formatted(address, known.getMessage());
          case DEADLINE_EXCEEDED ->
              "page server at %s did not answer in time: %s".formatted(address, known.getMessage());
          default -> String.valueOf(known.getMessage());
        };
    return new StorageException.Transient(message, failed);
  }

  /** Whether a failure is a deadline that passed, not a server that could not be reached. */
  public static boolean isDeadline(StorageException failure) {
    return failure.getCause() instanceof StatusRuntimeException status
        && status.getStatus().getCode() == Status.Code.DEADLINE_EXCEEDED;
  }

  @Override
  public void close() {
    channel.shutdown();
    try {
      if (!channel.awaitTermination(CLOSE_TIMEOUT_MILLIS, TimeUnit.MILLISECONDS)) {
        channel.shutdownNow();
      }
    } catch (InterruptedException _) {
      channel.shutdownNow();
      Thread.currentThread().interrupt();
    }
  }
}
