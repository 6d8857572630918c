package io.coppice.safekeeper.server;

import com.google.protobuf.UnsafeByteOperations;
import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.TenantId;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.common.id.TimelineId;
import io.coppice.common.objectstore.ObjectStore;
import io.coppice.common.rpc.RpcStatus;
import io.coppice.proto.v1.StartStream;
import io.coppice.proto.v1.StreamWalRequest;
import io.coppice.proto.v1.StreamWalResponse;
import io.coppice.safekeeper.backup.TimelineWalReader;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One reader of a timeline's WAL. A virtual thread reads and sends; it waits for WAL, for room in
 * the connection, and for the end. WAL that is not here any more comes from the object store.
 */
final class WalStreamSession implements StreamObserver<StreamWalRequest> {
  private static final Logger log = LoggerFactory.getLogger(WalStreamSession.class);
  private static final int CHUNK_SIZE_BYTES_MAX = 128 * 1024;

  /** Commits that follow one another so closely go to a page server in one message. */
  private static final long GATHER_MILLIS = 10;

  private final ServerCallStreamObserver<StreamWalResponse> out;
  private final TimelineRegistry registry;
  private final Signal signal = new Signal();
  private final Optional<ObjectStore> store;
  private boolean started;

  /** What is streamed, once that began. */
  private volatile @Nullable TimelineWorker streamed;

  private volatile boolean ended;

  WalStreamSession(
      ServerCallStreamObserver<StreamWalResponse> out,
      TimelineRegistry registry,
      Optional<ObjectStore> store) {
    this.out = out;
    this.registry = registry;
    this.store = store;
    out.setOnCancelHandler(this::end);
    out.setOnReadyHandler(signal::give);
  }

  @Override
  public void onNext(StreamWalRequest request) {
    if (request.hasStart() && !started) {
      started = true;
      StartStream start = request.getStart();
      Thread.ofVirtual().name("wal-stream").start(() -> run(start));
    }
    TimelineWorker timeline = streamed;
    if (request.hasFeedback() && timeline != null) {
      timeline.pageServerHas(new Lsn(request.getFeedback().getRemoteConsistentLsn()));
    }
  }

  private void end() {
    ended = true;
    signal.give();
  }

  @Override
  public void onError(Throwable failure) {
    end();
  }

  @Override
  public void onCompleted() {
    end();
  }

  private void run(StartStream start) {
    try {
      TenantTimelineId id =
          new TenantTimelineId(
              TenantId.parse(start.getTenantId()), TimelineId.parse(start.getTimelineId()));
      TimelineWorker timeline = registry.open(id);
      Runnable listener = signal::give;
      timeline.listen(listener);
      streamed = timeline;
      try (TimelineWalReader reader = new TimelineWalReader(timeline.storage(), store)) {
        stream(start, timeline, reader);
      } finally {
        timeline.unlisten(listener);
      }
      out.onCompleted();
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
    } catch (StorageException.Corrupt damage) {
      log.error("WAL stream ends: {}", damage.getMessage());
      out.onError(RpcStatus.of(damage).asRuntimeException());
    } catch (StorageException | IOException | RuntimeException failure) {
      if (!ended) {
        log.info("WAL stream ends: {}", failure.toString());
        out.onError(RpcStatus.of(failure).asRuntimeException());
      }
    }
  }

  private void stream(StartStream start, TimelineWorker timeline, TimelineWalReader reader)
      throws StorageException, InterruptedException {
    Lsn position = new Lsn(start.getStartLsn());
    Lsn end = start.getEndLsn() == 0 ? Lsn.MAX : new Lsn(start.getEndLsn());
    Lsn first = timeline.snapshot().state().properties().startLsn();
    if (position.isBefore(first)) {
      throw new StorageException.Precondition(
          "WAL at %s was asked for; this timeline's begins at %s".formatted(position, first));
    }
    if (start.getFlushed() && timeline.snapshot().flushLsn().isBefore(end)) {
      throw new StorageException.Transient(
          "WAL up to %s was asked for; the log ends at %s"
              .formatted(end, timeline.snapshot().flushLsn()));
    }
    while (!ended && position.isBefore(end)) {
      Lsn limit = Lsn.min(end, available(start, timeline));
      if (!position.isBefore(limit) || !out.isReady()) {
        signal.await();
        continue;
      }
      byte[] data = new byte[(int) Math.min(CHUNK_SIZE_BYTES_MAX, limit.minus(position))];
      int length = reader.read(position, ByteBuffer.wrap(data));
      available(start, timeline); // what was read is still of that term's log
      out.onNext(
          StreamWalResponse.newBuilder()
              .setStartLsn(position.value())
              .setData(UnsafeByteOperations.unsafeWrap(data, 0, length))
              .setCommitLsn(timeline.snapshot().commitLsn().value())
              .build());
      position = position.plus(length);
      boolean isForPageServer = !start.getFlushed() && start.getTerm() == 0;
      if (isForPageServer && !position.isBefore(limit)) {
        signal.rest(GATHER_MILLIS);
      }
    }
  }

  private static Lsn available(StartStream start, TimelineWorker timeline)
      throws StorageException.Transient {
    TimelineSnapshot now = timeline.snapshot();
    if (start.getFlushed()) {
      return now.flushLsn();
    }
    long term = start.getTerm();
    if (term == 0) {
      return now.commitLsn();
    }
    if (!timeline.isFollowing(term)) {
      throw new StorageException.Transient(
          "this safekeeper is at term %d and does not follow the proposer of term %d"
              .formatted(now.state().term(), term));
    }
    return now.flushLsn();
  }
}
