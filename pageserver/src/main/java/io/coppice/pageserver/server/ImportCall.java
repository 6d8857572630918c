package io.coppice.pageserver.server;

import com.google.protobuf.ByteString;
import io.coppice.common.error.StorageException;
import io.coppice.proto.v1.ImportHeader;
import io.coppice.proto.v1.ImportTenantRequest;
import io.coppice.proto.v1.Tenant;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.io.InputStream;
import java.util.Objects;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;

/**
 * One upload of a data directory. The event loop puts what arrives into a short queue, from which a
 * thread reads it as a stream; flow control asks for a message only when one was taken.
 */
final class ImportCall implements StreamObserver<ImportTenantRequest> {
  private static final int CHUNKS_MAX = 8;

  /** Does the import, on a thread that may block. */
  @FunctionalInterface
  interface Importer {
    Tenant load(ImportHeader header, InputStream tar)
        throws StorageException, IOException, InterruptedException;
  }

  /** What arrived. */
  private sealed interface Piece {
    record Chunk(ByteString bytes) implements Piece {}

    record End() implements Piece {}

    record Broken(String why) implements Piece {}
  }

  private final ServerCallStreamObserver<Tenant> out;
  private final Importer importer;
  private final BlockingQueue<Piece> pieces = new ArrayBlockingQueue<>(CHUNKS_MAX + 2);
  private boolean started;
  private boolean refused;

  ImportCall(StreamObserver<Tenant> out, Importer importer) {
    this.out = (ServerCallStreamObserver<Tenant>) out;
    this.importer = importer;
    this.out.disableAutoRequest();
    this.out.setOnCancelHandler(() -> broken("the client left"));
    this.out.request(CHUNKS_MAX);
  }

  @Override
  public void onNext(ImportTenantRequest request) {
    if (refused) {
      return;
    }
    if (!started) {
      if (!request.hasHeader()) {
        refuse("the first message of an import must be its header");
        return;
      }
      started = true;
      Answers.later(out, () -> importer.load(request.getHeader(), new Tar()));
      out.request(1);
      return;
    }
    if (!request.hasChunk()) {
      broken("a second header came within the tar");
      return;
    }
    if (!pieces.offer(new Piece.Chunk(request.getChunk()))) {
      broken("more came than was asked for");
    }
  }

  private void refuse(String why) {
    refused = true;
    Answers.fail(out, new StorageException.Invalid(why));
  }

  /** Has the reader fail after what it has not read yet, or at once if the queue is full. */
  private void broken(String why) {
    if (!pieces.offer(new Piece.Broken(why))) {
      pieces.clear();
      pieces.add(new Piece.Broken(why));
    }
  }

  @Override
  public void onError(Throwable failure) {
    broken("the client left");
  }

  @Override
  public void onCompleted() {
    if (!started && !refused) {
      refuse("an import needs a header and a tar");
    } else if (!pieces.offer(new Piece.End())) {
      broken("more came than was asked for");
    }
  }

  /** The tar as it arrives. */
  private final class Tar extends InputStream {
    private ByteString chunk = ByteString.EMPTY;
    private int position;
    private boolean ended;

    @Override
    public int read() throws IOException {
      return advance() ? chunk.byteAt(position++) & 0xFF : -1;
    }

    @Override
    public int read(byte[] into, int offset, int length) throws IOException {
      Objects.checkFromIndexSize(offset, length, into.length);
      if (length == 0) {
        return 0;
      }
      if (!advance()) {
        return -1;
      }
      int count = Math.min(length, chunk.size() - position);
      chunk.substring(position, position + count).copyTo(into, offset);
      position += count;
      return count;
    }

    private boolean advance() throws IOException {
      while (position == chunk.size()) {
        if (ended) {
          return false;
        }
        switch (take()) {
          case Piece.Chunk(ByteString bytes) -> {
            chunk = bytes;
            position = 0;
            out.request(1);
          }
          case Piece.End() -> ended = true;
          case Piece.Broken(String why) -> throw new IOException("the upload broke off: " + why);
        }
      }
      return true;
    }

    private Piece take() throws IOException {
      try {
        return pieces.take();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new IOException("interrupted during an upload", e);
      }
    }
  }
}
