package io.coppice.pageserver.server;

import com.google.protobuf.Timestamp;
import com.google.protobuf.UnsafeByteOperations;
import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.RelationTag;
import io.coppice.common.platform.Clock;
import io.coppice.pageserver.basebackup.BaseBackup;
import io.coppice.pageserver.query.RelationState;
import io.coppice.pageserver.query.TimelineReader;
import io.coppice.pageserver.timeline.Timeline;
import io.coppice.pageserver.timeline.TimelineKeys;
import io.coppice.proto.page.BaseBackupCompression;
import io.coppice.proto.page.GetBaseBackupRequest;
import io.coppice.proto.page.GetBaseBackupResponseChunk;
import io.coppice.proto.page.GetDbSizeRequest;
import io.coppice.proto.page.GetDbSizeResponse;
import io.coppice.proto.page.GetPageRequest;
import io.coppice.proto.page.GetPageResponse;
import io.coppice.proto.page.GetRelSizeRequest;
import io.coppice.proto.page.GetRelSizeResponse;
import io.coppice.proto.page.GetSlruSegmentRequest;
import io.coppice.proto.page.GetSlruSegmentResponse;
import io.coppice.proto.page.LeaseLsnRequest;
import io.coppice.proto.page.LeaseLsnResponse;
import io.coppice.proto.page.PageServiceGrpc;
import io.coppice.proto.page.ReadLsn;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.io.OutputStream;
import java.time.Instant;
import java.util.Optional;
import java.util.zip.Deflater;
import java.util.zip.GZIPOutputStream;

/** What a compute reads. */
final class PageServiceImpl extends PageServiceGrpc.PageServiceImplBase {
  private static final int GZIP_BUFFER_BYTES = 64 * 1024;

  private final Timelines timelines;
  private final Clock clock;

  PageServiceImpl(Timelines timelines, Clock clock) {
    this.timelines = timelines;
    this.clock = clock;
  }

  /** Reads as of an LSN that is there. */
  @FunctionalInterface
  private interface Read<A> {
    A at(TimelineReader reader, Lsn lsn) throws StorageException;
  }

  /** Answers on the event loop if nothing can block there, else on a virtual thread. */
  private <A> void answer(StreamObserver<A> out, ReadLsn at, Read<A> read) {
    TimelineReader reader;
    ReadPoint point;
    try {
      reader = timelines.reader(CallContext.timeline());
      point = ReadPoint.of(at);
    } catch (StorageException e) {
      Answers.fail(out, e);
      return;
    }
    Timeline timeline = reader.timeline();
    Answers.Answer<A> answer =
        () -> {
          timelines.await(timeline, point.waitFor());
          return read.at(reader, point.resolve(timeline));
        };
    if (point.mustWait(timeline)
        || !timeline.canAnswerWithoutBlocking(
            Lsn.min(timeline.lastRecordLsn(), point.requested()))) {
      Answers.later(out, answer);
    } else {
      Answers.now(out, answer);
    }
  }

  @Override
  public StreamObserver<GetPageRequest> getPages(StreamObserver<GetPageResponse> out) {
    ServerCallStreamObserver<GetPageResponse> responses =
        (ServerCallStreamObserver<GetPageResponse>) out;
    try {
      TimelineReader reader = timelines.reader(CallContext.timeline());
      return new GetPagesStream(timelines, reader, responses);
    } catch (StorageException e) {
      Answers.fail(out, e);
      return Answers.ignoring();
    }
  }

  @Override
  public void getRelSize(GetRelSizeRequest request, StreamObserver<GetRelSizeResponse> out) {
    answer(
        out,
        request.getReadLsn(),
        (reader, lsn) -> {
          RelationTag tag = GetPagesStream.tag(request.getRel());
          Optional<RelationState> state = reader.relation(tag, lsn);
          if (state.isEmpty() && !request.getAllowMissing()) {
            throw new StorageException.NotFound(
                "relation %s does not exist at %s".formatted(tag, lsn));
          }
          return GetRelSizeResponse.newBuilder()
              .setNumBlocks(state.map(RelationState::sizeBlocks).orElse(0L).intValue())
              .setMissing(state.isEmpty())
              .build();
        });
  }

  @Override
  public void getDbSize(GetDbSizeRequest request, StreamObserver<GetDbSizeResponse> out) {
    // As many reads as the database has relations: too much for the event loop.
    Answers.later(
        out,
        () -> {
          TimelineReader reader = timelines.reader(CallContext.timeline());
          Lsn lsn = await(reader, ReadPoint.of(request.getReadLsn()));
          return GetDbSizeResponse.newBuilder()
              .setNumBytes(reader.databaseSizeBytes(request.getDbOid(), lsn))
              .build();
        });
  }

  @Override
  public void getSlruSegment(
      GetSlruSegmentRequest request, StreamObserver<GetSlruSegmentResponse> out) {
    answer(
        out,
        request.getReadLsn(),
        (reader, lsn) -> {
          int kind = request.getKind();
          if (kind < 0 || kind >= TimelineKeys.SLRU_KINDS) {
            throw new StorageException.Invalid(
                "SLRU kind %s does not exist (0 to 2 do)"
                    .formatted(Integer.toUnsignedString(kind)));
          }
          return GetSlruSegmentResponse.newBuilder()
              .setSegment(
                  UnsafeByteOperations.unsafeWrap(
                      reader.slruSegment(kind, request.getSegno(), lsn)))
              .build();
        });
  }

  @Override
  public void getBaseBackup(
      GetBaseBackupRequest request, StreamObserver<GetBaseBackupResponseChunk> out) {
    BackupStream stream =
        new BackupStream((ServerCallStreamObserver<GetBaseBackupResponseChunk>) out);
    Answers.onThread(() -> {
      try {
        writeBackup(request, stream);
      } catch (Exception e) {
        Answers.fail(out, e);
        return;
      }
      out.onCompleted();
    });
  }

  private void writeBackup(GetBaseBackupRequest request, BackupStream stream)
      throws StorageException, IOException, InterruptedException {
    TimelineReader reader = timelines.reader(CallContext.timeline());
    Lsn lsn = await(reader, ReadPoint.at(new Lsn(request.getLsn())));
    Instant now = clock.now();
    boolean gzip = request.getCompression() == BaseBackupCompression.BASE_BACKUP_COMPRESSION_GZIP;
    try (OutputStream bytes = gzip ? new FastGzip(stream) : stream) {
      BaseBackup.write(reader, lsn, request.getFull(), now, bytes);
    }
  }

  /** A backup is for the next room, not for an archive: speed before size. */
  private static final class FastGzip extends GZIPOutputStream {
    FastGzip(OutputStream out) throws IOException {
      super(out, GZIP_BUFFER_BYTES);
      def.setLevel(Deflater.BEST_SPEED);
    }
  }

  private Lsn await(TimelineReader reader, ReadPoint point)
      throws StorageException, InterruptedException {
    timelines.await(reader.timeline(), point.waitFor());
    return point.resolve(reader.timeline());
  }

  @Override
  public void leaseLsn(LeaseLsnRequest request, StreamObserver<LeaseLsnResponse> out) {
    Answers.now(
        out,
        () -> {
          Timeline timeline = timelines.reader(CallContext.timeline()).timeline();
          Lsn lsn = new Lsn(request.getLsn());
          if (!lsn.isValid()) {
            throw new StorageException.Invalid("lsn is missing or zero");
          }
          Instant expires = timelines.tenants().garbage().lease(timeline.id(), lsn);
          return LeaseLsnResponse.newBuilder().setExpires(timestamp(expires)).build();
        });
  }

  static Timestamp timestamp(Instant instant) {
    return Timestamp.newBuilder()
        .setSeconds(instant.getEpochSecond())
        .setNanos(instant.getNano())
        .build();
  }
}
