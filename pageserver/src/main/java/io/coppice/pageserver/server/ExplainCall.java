package io.coppice.pageserver.server;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.RelationTag;
import io.coppice.common.key.Key;
import io.coppice.common.platform.Clock;
import io.coppice.pageserver.query.RelationState;
import io.coppice.pageserver.timeline.PageExplanation;
import io.coppice.pageserver.timeline.Timeline;
import io.coppice.proto.page.RelTag;
import io.coppice.proto.v1.ExplainPageRequest;
import io.coppice.proto.v1.ExplainPageResponse;

/** Reads one page in the way of {@link GetPagesStream}, and says what each step took. */
final class ExplainCall {
  private final Timelines timelines;
  private final Clock clock;

  ExplainCall(Timelines timelines, Clock clock) {
    this.timelines = timelines;
    this.clock = clock;
  }

  /** Blocks. */
  ExplainPageResponse explain(Timeline timeline, ExplainPageRequest request)
      throws StorageException, InterruptedException {
    RelationTag tag =
        GetPagesStream.tag(
            RelTag.newBuilder()
                .setSpcOid(request.getSpcOid())
                .setDbOid(request.getDbOid())
                .setRelNumber(request.getRelNumber())
                .setForkNumber(request.getForkNumber())
                .build());
    ReadPoint point = ReadPoint.at(new Lsn(request.getLsn()));
    long startNanos = clock.monotonicNanos();
    timelines.await(timeline, point.waitFor());
    long waitedNanos = clock.monotonicNanos();
    Lsn lsn = point.resolve(timeline);
    RelationState relation =
        timelines
            .reader(timeline)
            .relation(tag, lsn)
            .orElseThrow(() ->
                new StorageException.NotFound(
                    "relation %s does not exist at %s".formatted(tag, lsn)));
    ExplainPageResponse.Builder answer =
        ExplainPageResponse.newBuilder()
            .setLsn(lsn.value())
            .setRelationBlocks(relation.sizeBlocks())
            .setLsnWaitNanos(waitedNanos - startNanos)
            .setRelationSizeNanos(clock.monotonicNanos() - waitedNanos);
    if ((request.getBlockNumber() & 0xFFFF_FFFFL) < relation.sizeBlocks()) {
      add(answer, timeline.explain(Key.relationBlock(tag, request.getBlockNumber()), lsn));
    }
    return answer.build();
  }

  private static void add(ExplainPageResponse.Builder answer, PageExplanation explanation) {
    answer
        .setCollectNanos(explanation.collectNanos())
        .setRedoNanos(explanation.redoNanos())
        .setProblem(explanation.problem());
    explanation
        .visits()
        .forEach(visit ->
            answer
                .addVisitsBuilder()
                .setBranch(visit.timeline())
                .setLsn(visit.lsn().value())
                .setLayer(visit.layer())
                .setResident(visit.wasHere())
                .setVersions(visit.versions())
                .setNanos(visit.nanos()));
    explanation
        .versions()
        .forEach(version ->
            answer
                .addVersionsBuilder()
                .setLsn(version.lsn().value())
                .setKind(version.kind())
                .setSizeBytes(version.sizeBytes()));
  }
}
