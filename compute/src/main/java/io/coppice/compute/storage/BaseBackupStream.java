package io.coppice.compute.storage;

import com.google.protobuf.ByteString;
import io.coppice.proto.page.GetBaseBackupResponseChunk;
import io.grpc.Context;
import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.io.InputStream;
import java.util.Iterator;
import java.util.Objects;

/**
 * The chunks of a base backup as one stream of bytes. A chunk is asked for only when those before
 * it were read, so a slow reader holds the server back. A failed call is an {@link IOException}
 * whose cause is the {@code StorageException}.
 */
final class BaseBackupStream extends InputStream {
  private final PageserverClient client;
  private final Context.CancellableContext context;
  private final Iterator<GetBaseBackupResponseChunk> chunks;
  private ByteString chunk = ByteString.EMPTY;
  private int position;

  BaseBackupStream(
      PageserverClient client,
      Context.CancellableContext context,
      Iterator<GetBaseBackupResponseChunk> chunks) {
    this.client = client;
    this.context = context;
    this.chunks = chunks;
  }

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

  /** Moves to a chunk that has bytes left; false at the end of the stream. */
  private boolean advance() throws IOException {
    try {
      while (position == chunk.size()) {
        if (!chunks.hasNext()) {
          return false;
        }
        chunk = chunks.next().getChunk();
        position = 0;
      }
      return true;
    } catch (StatusRuntimeException e) {
      throw new IOException("base backup ended early: " + e.getMessage(), client.failure(e));
    }
  }

  @Override
  public void close() {
    context.cancel(null);
  }
}
