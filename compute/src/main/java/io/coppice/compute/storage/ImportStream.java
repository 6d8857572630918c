package io.coppice.compute.storage;

import com.google.protobuf.UnsafeByteOperations;
import io.coppice.common.error.StorageException;
import io.coppice.proto.v1.ImportHeader;
import io.coppice.proto.v1.ImportTenantRequest;
import io.coppice.proto.v1.Tenant;
import io.coppice.proto.v1.TimelineServiceGrpc;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.ClientCallStreamObserver;
import io.grpc.stub.ClientResponseObserver;
import java.io.IOException;
import java.io.OutputStream;
import java.util.Arrays;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * Sends the tar of one import: an output stream that cuts what is written to it into messages and
 * waits while the transport has enough of them.
 */
final class ImportStream extends OutputStream {
  private static final int CHUNK_SIZE_BYTES = 256 * 1024;

  private final Responses responses = new Responses();
  private byte[] buffer = new byte[CHUNK_SIZE_BYTES];
  private int buffered;

  private ImportStream() {}

  static Tenant send(
      TimelineServiceGrpc.TimelineServiceStub stub, ImportHeader header, TarSource tar)
      throws StorageException {
    ImportStream stream = new ImportStream();
    Responses responses = stream.responses;
    var _ = stub.importTenant(responses);
    ClientCallStreamObserver<ImportTenantRequest> requests = responses.requests();
    try {
      requests.onNext(ImportTenantRequest.newBuilder().setHeader(header).build());
      tar.writeTo(stream);
      stream.flushChunk();
      requests.onCompleted();
      return responses.await();
    } catch (IOException e) {
      throw responses.failureOr(e);
    } finally {
      if (!responses.result.isDone()) {
        requests.cancel("the import was given up", null);
      }
    }
  }

  @Override
  public void write(int b) throws IOException {
    write(new byte[] {(byte) b}, 0, 1);
  }

  @Override
  public void write(byte[] bytes, int offset, int length) throws IOException {
    Objects.checkFromIndexSize(offset, length, bytes.length);
    int from = offset;
    int left = length;
    while (left > 0) {
      int count = Math.min(left, buffer.length - buffered);
      System.arraycopy(bytes, from, buffer, buffered, count);
      buffered += count;
      from += count;
      left -= count;
      if (buffered == buffer.length) {
        flushChunk();
      }
    }
  }

  private void flushChunk() throws IOException {
    if (buffered == 0) {
      return;
    }
    responses.awaitReady();
    byte[] chunk = buffered == buffer.length ? buffer : Arrays.copyOf(buffer, buffered);
    responses
        .requests()
        .onNext(
            ImportTenantRequest.newBuilder()
                .setChunk(UnsafeByteOperations.unsafeWrap(chunk))
                .build());
    buffer = new byte[CHUNK_SIZE_BYTES]; // the sent one belongs to the message now
    buffered = 0;
  }

  /** The server's side: room to send, and the answer. Called on the event loop; never blocks it. */
  private static final class Responses
      implements ClientResponseObserver<ImportTenantRequest, Tenant> {
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    private final CompletableFuture<Tenant> result = new CompletableFuture<>();
    private @Nullable ClientCallStreamObserver<ImportTenantRequest> requests;

    @Override
    public void beforeStart(ClientCallStreamObserver<ImportTenantRequest> stream) {
      requests = stream;
      stream.setOnReadyHandler(this::signal);
    }

    ClientCallStreamObserver<ImportTenantRequest> requests() {
      return Objects.requireNonNull(requests);
    }

    @Override
    public void onNext(Tenant tenant) {
      result.complete(tenant);
      signal();
    }

    @Override
    public void onError(Throwable failure) {
      result.completeExceptionally(failure);
      signal();
    }

    @Override
    public void onCompleted() {
      result.completeExceptionally(
          Status.INTERNAL.withDescription("import ended without an answer").asRuntimeException());
      signal();
    }

    private void signal() {
      lock.lock();
      try {
        changed.signalAll();
      } finally {
        lock.unlock();
      }
    }

    void awaitReady() throws IOException {
      lock.lock();
      try {
        while (!requests().isReady() && !result.isDone()) {
          changed.await();
        }
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new IOException("interrupted while sending", e);
      } finally {
        lock.unlock();
      }
      if (result.isDone()) {
        throw new IOException("the page server ended the import");
      }
    }

    Tenant await() throws StorageException {
      try {
        return result.get();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new StorageException.Transient("interrupted while waiting for the import", e);
      } catch (ExecutionException e) {
        throw statusOf(e.getCause());
      }
    }

    /** What the server said, if it ended the call; else the failure of our own side. */
    StorageException failureOr(IOException own) {
      if (!result.isDone()) {
        return new StorageException.Transient("import: " + own.getMessage(), own);
      }
      try {
        result.join();
        return new StorageException.Transient("the page server answered before the end", own);
      } catch (CompletionException e) {
        throw statusOf(e.getCause());
      }
    }

    private static StatusRuntimeException statusOf(@Nullable Throwable failure) {
      return failure instanceof StatusRuntimeException status
          ? status
          : Status.fromThrowable(Objects.requireNonNull(failure)).asRuntimeException();
    }
  }
}
