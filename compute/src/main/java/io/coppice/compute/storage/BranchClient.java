package io.coppice.compute.storage;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.RelationTag;
import io.coppice.common.id.TenantId;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.common.id.TimelineId;
import io.coppice.proto.v1.ArchiveBranchRequest;
import io.coppice.proto.v1.BlockGcRequest;
import io.coppice.proto.v1.DetachBranchRequest;
import io.coppice.proto.v1.DiffBranchesRequest;
import io.coppice.proto.v1.DiffBranchesResponse;
import io.coppice.proto.v1.DiffHeader;
import io.coppice.proto.v1.LeaseBranchLsnRequest;
import io.coppice.proto.v1.ProtectBranchRequest;
import io.coppice.proto.v1.RecoverBranchRequest;
import io.coppice.proto.v1.RelationDiff;
import io.coppice.proto.v1.RenameBranchRequest;
import io.coppice.proto.v1.ResetBranchRequest;
import io.coppice.proto.v1.RestoreBranchRequest;
import io.coppice.proto.v1.SetBranchExpiryRequest;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * Calls that change branches, which are named by id, so that nothing happens to another one that
 * has got the name meanwhile. To call again changes nothing. Thread safe.
 */
public final class BranchClient {
  private final PageserverClient client;

  BranchClient(PageserverClient client) {
    this.client = client;
  }

  public BranchInfo rename(TenantTimelineId id, String name) throws StorageException {
    RenameBranchRequest request =
        RenameBranchRequest.newBuilder()
            .setTenantId(id.tenant().toString())
            .setBranch(id.timeline().toString())
            .setName(name)
            .build();
    return WireCodec.branch(client.call(() -> client.timelines().renameBranch(request)));
  }

  /** Keeps it from being deleted, restored, reset or ended, or no longer. */
  public BranchInfo setProtected(TenantTimelineId id, boolean isProtected) throws StorageException {
    ProtectBranchRequest request =
        ProtectBranchRequest.newBuilder()
            .setTenantId(id.tenant().toString())
            .setBranch(id.timeline().toString())
            .setProtected(isProtected)
            .build();
    return WireCodec.branch(client.call(() -> client.timelines().protectBranch(request)));
  }

  /** Puts it away, or brings it back; waits for what is in memory to be uploaded. */
  public BranchInfo setArchived(TenantTimelineId id, boolean isArchived) throws StorageException {
    ArchiveBranchRequest request =
        ArchiveBranchRequest.newBuilder()
            .setTenantId(id.tenant().toString())
            .setBranch(id.timeline().toString())
            .setArchived(isArchived)
            .build();
    return WireCodec.branch(
        client.call(() ->
            client.timelines(PageserverClient.TRANSFER_TIMEOUT_MILLIS).archiveBranch(request)));
  }

  /** Takes it off its parent; waits for what it reads there to be copied. */
  public BranchInfo detach(TenantTimelineId id) throws StorageException {
    DetachBranchRequest request =
        DetachBranchRequest.newBuilder()
            .setTenantId(id.tenant().toString())
            .setBranch(id.timeline().toString())
            .build();
    return WireCodec.branch(
        client.call(() ->
            client.timelines(PageserverClient.TRANSFER_TIMEOUT_MILLIS).detachBranch(request)));
  }

  /**
   * Has garbage collection leave branches alone, or no longer; waits for it to end where it is
   * under way.
   *
   * @param branch name or id; all that the tenant has now if empty
   * @param reason empty to end it
   * @return how many branches it is so for
   */
  public int setGcBlock(TenantId tenant, Optional<String> branch, Optional<String> reason)
      throws StorageException {
    BlockGcRequest.Builder request =
        BlockGcRequest.newBuilder()
            .setTenantId(tenant.toString())
            .setBlocked(reason.isPresent())
            .setReason(reason.orElse(""));
    branch.ifPresent(request::setBranch);
    return client
        .call(() ->
            client.timelines(PageserverClient.TRANSFER_TIMEOUT_MILLIS).blockGc(request.build()))
        .getBranches();
  }

  /**
   * Keeps an LSN readable until a time.
   *
   * @param lsn {@link Lsn#INVALID} takes the newest
   * @param until empty: the lease of that LSN ends now
   */
  public BranchInfo lease(TenantTimelineId id, Lsn lsn, Optional<Instant> until)
      throws StorageException {
    LeaseBranchLsnRequest.Builder request =
        LeaseBranchLsnRequest.newBuilder()
            .setTenantId(id.tenant().toString())
            .setBranch(id.timeline().toString())
            .setLsn(lsn.value());
    until.ifPresent(time -> request.setUntil(WireCodec.timestamp(time)));
    return WireCodec.branch(client.call(() -> client.timelines().leaseBranchLsn(request.build())));
  }

  /** Sets when it ends by itself; empty: it does not. */
  public BranchInfo setExpiry(TenantTimelineId id, Optional<Instant> expiresAt)
      throws StorageException {
    SetBranchExpiryRequest.Builder request =
        SetBranchExpiryRequest.newBuilder()
            .setTenantId(id.tenant().toString())
            .setBranch(id.timeline().toString());
    expiresAt.ifPresent(time -> request.setExpiresAt(WireCodec.timestamp(time)));
    return WireCodec.branch(client.call(() -> client.timelines().setBranchExpiry(request.build())));
  }

  /** Brings back one that has expired. */
  public BranchInfo recover(TenantTimelineId id) throws StorageException {
    RecoverBranchRequest request =
        RecoverBranchRequest.newBuilder()
            .setTenantId(id.tenant().toString())
            .setBranch(id.timeline().toString())
            .build();
    return WireCodec.branch(client.call(() -> client.timelines().recoverBranch(request)));
  }

  /**
   * Has its name stand for an earlier state of it, in a new timeline.
   *
   * @param timeline id of the new one
   * @param to an LSN or a time
   * @param keptAs the new name of the timeline that has the name; empty for its name and the time
   */
  public BranchInfo restore(
      TenantTimelineId id, TimelineId timeline, BranchPoint to, Optional<String> keptAs)
      throws StorageException {
    RestoreBranchRequest.Builder request =
        RestoreBranchRequest.newBuilder()
            .setTenantId(id.tenant().toString())
            .setBranch(id.timeline().toString())
            .setTimelineId(timeline.toString())
            .setKeptAs(keptAs.orElse(""));
    switch (to) {
      case BranchPoint.Newest() ->
          throw new StorageException.Invalid(
              "a branch is restored to an LSN or to a time, not to its newest state");
      case BranchPoint.AtLsn(Lsn lsn) -> request.setLsn(lsn.value());
      case BranchPoint.AtTime(Instant time) -> request.setTime(WireCodec.timestamp(time));
    }
    return WireCodec.branch(client.call(() -> client.timelines().restoreBranch(request.build())));
  }

  /** What differs between two branches of a tenant; waits for what is in memory to be flushed. */
  public BranchDifference diff(TenantId tenant, String branchA, String branchB)
      throws StorageException {
    DiffBranchesRequest request =
        DiffBranchesRequest.newBuilder()
            .setTenantId(tenant.toString())
            .setBranchA(branchA)
            .setBranchB(branchB)
            .build();
    return client.call(() -> {
      Iterator<DiffBranchesResponse> answers =
          client.timelines(PageserverClient.TRANSFER_TIMEOUT_MILLIS).diffBranches(request);
      DiffHeader header = answers.next().getHeader();
      List<BranchDifference.Relation> relations = new ArrayList<>();
      answers.forEachRemaining(answer -> relations.add(relation(answer.getRelation())));
      return new BranchDifference(
          TimelineId.parse(header.getAncestorTimelineId()),
          header.getAncestorName(),
          new Lsn(header.getForkLsn()),
          new Lsn(header.getLsnA()),
          new Lsn(header.getLsnB()),
          relations);
    });
  }

  private static BranchDifference.Relation relation(RelationDiff message) {
    return new BranchDifference.Relation(
        new RelationTag(
            message.getSpcOid(), message.getDbOid(), message.getRelNumber(), message.getFork()),
        message.hasBlocksA()
            ? OptionalLong.of(Integer.toUnsignedLong(message.getBlocksA()))
            : OptionalLong.empty(),
        message.hasBlocksB()
            ? OptionalLong.of(Integer.toUnsignedLong(message.getBlocksB()))
            : OptionalLong.empty(),
        message.getDifferingBlocks());
  }

  /** Has its name stand for the newest state of its parent, in a new timeline. */
  public BranchInfo reset(TenantTimelineId id, TimelineId timeline, Optional<String> keptAs)
      throws StorageException {
    ResetBranchRequest request =
        ResetBranchRequest.newBuilder()
            .setTenantId(id.tenant().toString())
            .setBranch(id.timeline().toString())
            .setTimelineId(timeline.toString())
            .setKeptAs(keptAs.orElse(""))
            .build();
    return WireCodec.branch(client.call(() -> client.timelines().resetBranch(request)));
  }
}
