package io.coppice.bench;

import com.google.protobuf.UnsafeByteOperations;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.common.rpc.HostPort;
import io.coppice.common.rpc.RpcServer;
import io.coppice.proto.v1.SafekeeperServiceGrpc;
import io.coppice.proto.v1.StartStream;
import io.coppice.proto.v1.StreamWalRequest;
import io.coppice.proto.v1.StreamWalResponse;
import io.coppice.proto.v1.TimelineStatusRequest;
import io.coppice.proto.v1.TimelineStatusResponse;
import io.coppice.proto.v1.WatchTimelinesRequest;
import io.grpc.Status;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Semaphore;

/**
 * Stands for a safekeeper and serves the WAL of an archive as fast as it is taken, so that a page
 * server's ingest is measured alone. Nothing of a timeline is seen before it is announced.
 */
final class ArchiveSafekeeper extends SafekeeperServiceGrpc.SafekeeperServiceImplBase
    implements AutoCloseable {
  private static final int CHUNK_SIZE_BYTES = 128 << 10;

  /** So that what sends seldom waits for what writes to the connection. */
  private static final int SEND_BUFFER_BYTES = 1 << 20;

  private final WalArchive archive;
  private final RpcServer server;
  private final List<StreamObserver<TimelineStatusResponse>> watchers = new ArrayList<>();
  private Optional<TimelineStatusResponse> announced = Optional.empty();

  ArchiveSafekeeper(WalArchive archive, HostPort address) throws IOException {
    this.archive = archive;
    this.server = RpcServer.start(address, List.of(this));
  }

  /** From now on the archive is the committed WAL of a timeline. */
  synchronized void announce(TenantTimelineId timeline, long systemId) {
    TimelineStatusResponse status =
        TimelineStatusResponse.newBuilder()
            .setTenantId(timeline.tenant().toString())
            .setTimelineId(timeline.timeline().toString())
            .setNodeId(1)
            .setTerm(1)
            .setTimelineStartLsn(archive.start().value())
            .setFlushLsn(archive.end().value())
            .setCommitLsn(archive.end().value())
            .setPgVersion(Programs.PG_MAJOR)
            .setSystemId(systemId)
            .setWalSegmentSizeBytes(WalArchive.SEGMENT_SIZE_BYTES)
            .build();
    announced = Optional.of(status);
    watchers.forEach(watcher -> watcher.onNext(status));
  }

  @Override
  public synchronized void watchTimelines(
      WatchTimelinesRequest request, StreamObserver<TimelineStatusResponse> watcher) {
    watchers.add(watcher);
    announced.ifPresent(watcher::onNext);
  }

  @Override
  public synchronized void timelineStatus(
      TimelineStatusRequest request, StreamObserver<TimelineStatusResponse> answer) {
    if (announced.isEmpty()) {
      answer.onError(Status.NOT_FOUND.asRuntimeException());
      return;
    }
    answer.onNext(announced.get());
    answer.onCompleted();
  }

  @Override
  public StreamObserver<StreamWalRequest> streamWal(StreamObserver<StreamWalResponse> answer) {
    ServerCallStreamObserver<StreamWalResponse> stream =
        (ServerCallStreamObserver<StreamWalResponse>) answer;
    Semaphore ready = new Semaphore(0);
    stream.setOnReadyThreshold(SEND_BUFFER_BYTES);
    stream.setOnReadyHandler(ready::release);
    stream.setOnCancelHandler(ready::release);
    return new StreamObserver<>() {
      @Override
      public void onNext(StreamWalRequest request) {
        if (request.hasStart()) {
          Thread.ofVirtual().start(() -> send(request.getStart(), stream, ready));
        }
      }

      @Override
      public void onError(Throwable failure) {
        ready.release();
      }

      @Override
      public void onCompleted() {
        ready.release();
      }
    };
  }

  private void send(
      StartStream start, ServerCallStreamObserver<StreamWalResponse> stream, Semaphore ready) {
    long position = start.getStartLsn();
    try {
      while (position < archive.end().value()) {
        MappedByteBuffer segment = map(archive.segment(new Lsn(position)));
        int from = (int) (position % WalArchive.SEGMENT_SIZE_BYTES);
        while (from < WalArchive.SEGMENT_SIZE_BYTES) {
          int length = Math.min(CHUNK_SIZE_BYTES, WalArchive.SEGMENT_SIZE_BYTES - from);
          while (!stream.isReady()) {
            if (stream.isCancelled()) {
              return;
            }
            ready.acquire();
          }
          stream.onNext(
              StreamWalResponse.newBuilder()
                  .setStartLsn(position)
                  .setData(UnsafeByteOperations.unsafeWrap(segment.slice(from, length)))
                  .setCommitLsn(archive.end().value())
                  .build());
          from += length;
          position += length;
        }
      }
      // A real one would wait for more WAL: the stream stays open.
    } catch (IOException e) {
      stream.onError(Status.INTERNAL.withCause(e).asRuntimeException());
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
    }
  }

  /** Memory of the file's cache: reading it would cost time of the cores that take the WAL in. */
  private static MappedByteBuffer map(Path segment) throws IOException {
    try (FileChannel file = FileChannel.open(segment)) {
      return file.map(FileChannel.MapMode.READ_ONLY, 0, WalArchive.SEGMENT_SIZE_BYTES);
    }
  }

  @Override
  public void close() {
    server.close();
  }
}
