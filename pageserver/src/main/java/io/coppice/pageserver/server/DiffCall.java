package io.coppice.pageserver.server;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.TenantId;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.pageserver.query.BranchDiff;
import io.coppice.pageserver.timeline.Divergence;
import io.coppice.pageserver.timeline.Timeline;
import io.coppice.proto.v1.DiffBranchesRequest;
import io.coppice.proto.v1.DiffBranchesResponse;
import io.coppice.proto.v1.DiffHeader;
import io.coppice.proto.v1.RelationDiff;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;

/** A comparison of two branches, told as it goes. It ends when the client leaves. */
final class DiffCall {
  private final Timelines timelines;
  private final long flushMillisMax;

  DiffCall(Timelines timelines, long flushMillisMax) {
    this.timelines = timelines;
    this.flushMillisMax = flushMillisMax;
  }

  void answer(DiffBranchesRequest request, StreamObserver<DiffBranchesResponse> out) {
    Answers.onThread(() -> {
      try {
        compare(request, (ServerCallStreamObserver<DiffBranchesResponse>) out);
      } catch (Exception e) {
        Answers.fail(out, e);
        return;
      }
      out.onCompleted();
    });
  }

  private void compare(
      DiffBranchesRequest request, ServerCallStreamObserver<DiffBranchesResponse> out)
      throws StorageException, InterruptedException {
    TenantId tenant = TenantId.parse(request.getTenantId());
    BranchDiff.State a = state(tenant, request.getBranchA());
    BranchDiff.State b = state(tenant, request.getBranchB());
    Divergence divergence = BranchDiff.divergence(a, b);
    for (Divergence.Span span : divergence.spans()) {
      span.timeline().flush(flushMillisMax);
    }
    out.onNext(
        DiffBranchesResponse.newBuilder()
            .setHeader(
                DiffHeader.newBuilder()
                    .setAncestorTimelineId(divergence.ancestor().toString())
                    .setAncestorName(
                        timelines
                            .tenants()
                            .timeline(new TenantTimelineId(tenant, divergence.ancestor()))
                            .name())
                    .setForkLsn(divergence.lsn().value())
                    .setLsnA(a.lsn().value())
                    .setLsnB(b.lsn().value()))
            .build());
    BranchDiff.compare(
        a,
        b,
        divergence,
        relation -> {
          if (out.isCancelled()) {
            throw new StorageException.Transient("the client left");
          }
          out.onNext(DiffBranchesResponse.newBuilder().setRelation(wire(relation)).build());
        });
  }

  private BranchDiff.State state(TenantId tenant, String branch)
      throws StorageException, InterruptedException {
    Timeline timeline = timelines.tenants().branch(tenant, branch);
    timeline.checkUsable();
    timelines.awaitCommitted(timeline);
    return new BranchDiff.State(timelines.reader(timeline), timeline.lastRecordLsn());
  }

  private static RelationDiff wire(BranchDiff.Relation relation) {
    RelationDiff.Builder message =
        RelationDiff.newBuilder()
            .setSpcOid(relation.tag().spcOid())
            .setDbOid(relation.tag().dbOid())
            .setRelNumber(relation.tag().relNumber())
            .setFork(relation.tag().fork())
            .setDifferingBlocks(relation.differingBlocks());
    relation.blocksA().map(Long::intValue).ifPresent(message::setBlocksA);
    relation.blocksB().map(Long::intValue).ifPresent(message::setBlocksB);
    return message.build();
  }
}
