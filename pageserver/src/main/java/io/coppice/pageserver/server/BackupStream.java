package io.coppice.pageserver.server;

import com.google.protobuf.UnsafeByteOperations;
import io.coppice.proto.page.GetBaseBackupResponseChunk;
import io.grpc.stub.ServerCallStreamObserver;
import java.io.IOException;
import java.io.OutputStream;
import java.util.Arrays;
import java.util.Objects;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Cuts a base backup into messages. Waits while the transport has enough of them, so a slow client
 * costs no memory. One writer, which must not be the event loop.
 */
final class BackupStream extends OutputStream {
  static final int CHUNK_SIZE_BYTES = 256 * 1024;

  private final ServerCallStreamObserver<GetBaseBackupResponseChunk> out;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  private byte[] buffer = new byte[CHUNK_SIZE_BYTES];
  private int buffered;

  /** To be made on the event loop, before the call's method returns. */
  BackupStream(ServerCallStreamObserver<GetBaseBackupResponseChunk> out) {
    this.out = out;
    out.setOnReadyHandler(this::signal);
    out.setOnCancelHandler(this::signal);
  }

  private void signal() {
    lock.lock();
    try {
      changed.signalAll();
    } finally {
      lock.unlock();
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
      int count = Math.min(left, CHUNK_SIZE_BYTES - buffered);
      System.arraycopy(bytes, from, buffer, buffered, count);
      buffered += count;
      from += count;
      left -= count;
      if (buffered == CHUNK_SIZE_BYTES) {
        send();
      }
    }
  }

  private void send() throws IOException {
    awaitReady();
    byte[] chunk = buffered == CHUNK_SIZE_BYTES ? buffer : Arrays.copyOf(buffer, buffered);
    out.onNext(
        GetBaseBackupResponseChunk.newBuilder()
            .setChunk(UnsafeByteOperations.unsafeWrap(chunk))
            .build());
    buffer = new byte[CHUNK_SIZE_BYTES]; // The sent one belongs to the message now.
    buffered = 0;
  }

  private void awaitReady() throws IOException {
    lock.lock();
    try {
      while (!out.isReady() && !out.isCancelled()) {
        changed.await();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted while sending a base backup", e);
    } finally {
      lock.unlock();
    }
    if (out.isCancelled()) {
      throw new IOException("the client of a base backup left");
    }
  }

  /** Sends what is left. */
  @Override
  public void close() throws IOException {
    if (buffered > 0) {
      send();
    }
  }
}
