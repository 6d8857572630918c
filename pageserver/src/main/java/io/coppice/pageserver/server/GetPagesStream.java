package io.coppice.pageserver.server;

import com.google.protobuf.UnsafeByteOperations;
import io.coppice.common.error.Invariant;
import io.coppice.common.error.StorageException;
import io.coppice.common.id.Fork;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.RelationTag;
import io.coppice.pageserver.cache.PageBuffers;
import io.coppice.pageserver.query.TimelineReader;
import io.coppice.pageserver.timeline.Timeline;
import io.coppice.proto.page.GetPageRequest;
import io.coppice.proto.page.GetPageResponse;
import io.coppice.proto.page.GetPageStatusCode;
import io.coppice.proto.page.Page;
import io.coppice.proto.page.RelTag;
import io.grpc.Context;
import io.grpc.Status;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One stream of page requests. Requests that can be answered without waiting are answered on the
 * event loop. The first that cannot goes to a virtual thread, and so do those behind it, which
 * keeps the order; when they are all answered, the event loop takes over again. So one thread at a
 * time answers, and the lock passes what it has seen on to the next.
 */
final class GetPagesStream implements StreamObserver<GetPageRequest> {
  private static final Logger log = LoggerFactory.getLogger(GetPagesStream.class);

  /** Requests taken in and not answered. */
  private static final int REQUESTS_MAX = 64;

  /** A larger batch would keep other streams of the event loop waiting. */
  private static final int BLOCKS_ON_EVENT_LOOP_MAX = 64;

  private final Timelines timelines;
  private final TimelineReader reader;
  private final Timeline timeline;
  private final ServerCallStreamObserver<GetPageResponse> out;
  private final Context context = Context.current();

  /** Used by the one thread that answers. */
  private final PageBuffers buffers = new PageBuffers();

  private final Deque<GetPageRequest> waiting = new ArrayDeque<>();
  private boolean threadRuns;
  private boolean clientIsDone;
  private boolean ended;

  /** Requests not asked for because the client does not read its answers. */
  private int owed;

  GetPagesStream(
      Timelines timelines, TimelineReader reader, ServerCallStreamObserver<GetPageResponse> out) {
    this.timelines = timelines;
    this.reader = reader;
    this.timeline = reader.timeline();
    this.out = out;
    out.disableAutoRequest();
    out.setOnReadyHandler(this::onReady);
    out.setOnCancelHandler(this::onCancel);
    out.request(REQUESTS_MAX);
  }

  @Override
  public void onNext(GetPageRequest request) {
    synchronized (this) {
      if (ended) {
        return;
      }
      if (threadRuns) {
        waiting.add(request);
        return;
      }
      if (mayBlock(request)) {
        waiting.add(request);
        threadRuns = true;
        var _ = Thread.ofVirtual().name("get-pages").start(context.wrap(this::answerWaiting));
        return;
      }
    }
    answer(request);
  }

  private boolean mayBlock(GetPageRequest request) {
    if (request.getBlockNumberCount() > BLOCKS_ON_EVENT_LOOP_MAX
        || !Turns.isNormal(request.getRequestClass())) {
      return true;
    }
    try {
      ReadPoint point = ReadPoint.of(request.getReadLsn());
      return point.mustWait(timeline)
          || !timeline.canAnswerWithoutBlocking(
              Lsn.min(timeline.lastRecordLsn(), point.requested()));
    } catch (StorageException.Invalid _) {
      return false; // The answer will say so.
    }
  }

  private void answerWaiting() {
    while (true) {
      GetPageRequest next;
      synchronized (this) {
        next = waiting.poll();
        if (next == null || ended) {
          threadRuns = false;
          if (clientIsDone && !ended) {
            ended = true;
            out.onCompleted();
          }
          return;
        }
      }
      answer(next);
    }
  }

  private void answer(GetPageRequest request) {
    long startNanos = timelines.metrics().nanos();
    GetPageResponse response;
    try {
      response = read(request);
    } catch (Exception | Invariant.Violation e) {
      Status status = Answers.statusOf(e);
      GetPageStatusCode code = inStream(status.getCode());
      if (code == GetPageStatusCode.GET_PAGE_STATUS_CODE_UNKNOWN) {
        timelines.metrics().answered(code, 0, startNanos);
        end(status);
        return;
      }
      if (code == GetPageStatusCode.GET_PAGE_STATUS_CODE_INTERNAL_ERROR) {
        log.error(
            "{}: a page request failed: {}",
            timeline.id(),
            status.getDescription(),
            e instanceof StorageException ? null : e);
      }
      response =
          GetPageResponse.newBuilder()
              .setRequestId(request.getRequestId())
              .setStatusCode(code)
              .setReason(String.valueOf(status.getDescription()))
              .build();
    }
    timelines.metrics().answered(response.getStatusCode(), response.getPageCount(), startNanos);
    synchronized (this) {
      if (ended) {
        return;
      }
    }
    // It copies the pages into its own buffers before it returns.
    out.onNext(response);
    buffers.reuse();
    askForMore();
  }

  private GetPageResponse read(GetPageRequest request)
      throws StorageException, InterruptedException {
    if (request.getBlockNumberCount() == 0
        || request.getBlockNumberCount() > Timeline.BATCH_KEYS_MAX) {
      throw new StorageException.Invalid(
          "%d blocks asked for (1 to %d can be)"
              .formatted(request.getBlockNumberCount(), Timeline.BATCH_KEYS_MAX));
    }
    ReadPoint point = ReadPoint.of(request.getReadLsn());
    if (point.mustWait(timeline)) {
      timelines.await(timeline, point.waitFor());
    }
    Lsn lsn = point.resolve(timeline);
    GetPageResponse.Builder response =
        GetPageResponse.newBuilder()
            .setRequestId(request.getRequestId())
            .setStatusCode(GetPageStatusCode.GET_PAGE_STATUS_CODE_OK)
            .setRel(request.getRel());
    Turns turns = timelines.turns();
    List<Integer> blocks = request.getBlockNumberList();
    if (Turns.isNormal(request.getRequestClass())) {
      turns.beginNormal();
      try {
        addPages(request.getRel(), blocks, lsn, response);
      } finally {
        turns.endNormal();
      }
      return response.build();
    }
    for (int from = 0; from < blocks.size(); from += Turns.PAGES_AT_ONCE) {
      int to = Math.min(blocks.size(), from + Turns.PAGES_AT_ONCE);
      try (Turns.Turn _ = turns.take(request.getRequestClass())) {
        addPages(request.getRel(), blocks.subList(from, to), lsn, response);
      }
    }
    return response.build();
  }

  private void addPages(RelTag rel, List<Integer> blocks, Lsn lsn, GetPageResponse.Builder to)
      throws StorageException {
    reader.readCachedPages(
        tag(rel),
        blocks,
        lsn,
        buffers,
        (index, page) ->
            to.addPage(
                Page.newBuilder()
                    .setBlockNumber(blocks.get(index))
                    .setImage(UnsafeByteOperations.unsafeWrap(page))));
  }

  static RelationTag tag(RelTag rel) throws StorageException.Invalid {
    if (rel.getForkNumber() < 0 || rel.getForkNumber() >= Fork.values().length) {
      throw new StorageException.Invalid(
          "fork %s does not exist (0 to 3 do)"
              .formatted(Integer.toUnsignedString(rel.getForkNumber())));
    }
    if (rel.getRelNumber() == 0) {
      throw new StorageException.Invalid("relation number 0 is no relation");
    }
    return new RelationTag(
        rel.getSpcOid(), rel.getDbOid(), rel.getRelNumber(), rel.getForkNumber());
  }

  /** What is told in the stream, and what ends it. */
  private static GetPageStatusCode inStream(Status.Code code) {
    return switch (code) {
      case NOT_FOUND -> GetPageStatusCode.GET_PAGE_STATUS_CODE_NOT_FOUND;
      case INVALID_ARGUMENT, FAILED_PRECONDITION, OUT_OF_RANGE, ALREADY_EXISTS ->
          GetPageStatusCode.GET_PAGE_STATUS_CODE_INVALID_REQUEST;
      case INTERNAL, DATA_LOSS, UNIMPLEMENTED ->
          GetPageStatusCode.GET_PAGE_STATUS_CODE_INTERNAL_ERROR;
      case RESOURCE_EXHAUSTED -> GetPageStatusCode.GET_PAGE_STATUS_CODE_SLOW_DOWN;
      case OK,
          CANCELLED,
          UNKNOWN,
          DEADLINE_EXCEEDED,
          PERMISSION_DENIED,
          ABORTED,
          UNAVAILABLE,
          UNAUTHENTICATED ->
          GetPageStatusCode.GET_PAGE_STATUS_CODE_UNKNOWN;
    };
  }

  private void end(Status status) {
    synchronized (this) {
      if (ended) {
        return;
      }
      ended = true;
      waiting.clear();
    }
    out.onError(status.asRuntimeException());
  }

  /** One answer went out: one more request may come in, unless answers pile up. */
  private void askForMore() {
    synchronized (this) {
      if (!out.isReady()) {
        owed++;
        return;
      }
    }
    out.request(1);
  }

  private void onReady() {
    int due;
    synchronized (this) {
      due = owed;
      owed = 0;
    }
    if (due > 0) {
      out.request(due);
    }
  }

  private void onCancel() {
    synchronized (this) {
      ended = true;
      waiting.clear();
    }
  }

  @Override
  public void onError(Throwable failure) {
    onCancel();
  }

  @Override
  public void onCompleted() {
    synchronized (this) {
      clientIsDone = true;
      if (threadRuns || ended) {
        return;
      }
      ended = true;
    }
    out.onCompleted();
  }
}
