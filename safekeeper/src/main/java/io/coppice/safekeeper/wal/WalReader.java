package io.coppice.safekeeper.wal;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import org.jspecify.annotations.Nullable;

/** Reads a timeline's WAL from its segment files. Not thread safe; may run beside the writer. */
public final class WalReader implements AutoCloseable {
  private final WalSegments segments;
  private long openNumber = -1;
  private @Nullable FileChannel open;

  WalReader(WalSegments segments) {
    this.segments = segments;
  }

  /**
   * Reads, within one segment, into all that {@code into} has room for or less. The caller knows
   * that so much WAL is durable there.
   *
   * @return number of bytes, at least one if there is room
   * @throws StorageException.NotFound if that WAL is not here any more
   * @throws StorageException.Transient if the disk does not answer
   */
  public int read(Lsn from, ByteBuffer into) throws StorageException {
    try {
      FileChannel channel = channelFor(from);
      int offset = segments.offsetIn(from);
      int limit = Math.min(into.remaining(), segments.sizeBytes() - offset);
      ByteBuffer part = into.slice(into.position(), limit);
      while (part.hasRemaining()) {
        int count = channel.read(part, offset + part.position());
        if (count < 0) {
          throw new StorageException.Corrupt(
              "%s ends at offset %d".formatted(segments.path(openNumber), offset));
        }
      }
      into.position(into.position() + limit);
      return limit;
    } catch (IOException e) {
      throw new StorageException.Transient("cannot read WAL at %s: %s".formatted(from, e), e);
    }
  }

  private FileChannel channelFor(Lsn at) throws StorageException, IOException {
    long number = segments.numberOf(at);
    FileChannel channel = open;
    if (channel != null && openNumber == number) {
      return channel;
    }
    close();
    FileChannel next =
        segments
            .openForReading(number)
            .orElseThrow(() ->
                new StorageException.NotFound("%s is not here".formatted(segments.path(number))));
    open = next;
    openNumber = number;
    return next;
  }

  @Override
  public void close() throws IOException {
    FileChannel channel = open;
    open = null;
    if (channel != null) {
      channel.close();
    }
  }
}
