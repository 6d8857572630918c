package io.coppice.safekeeper.wal;

import io.coppice.common.error.StorageException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;

/** Reads and writes all that is asked for. */
final class Channels {
  private Channels() {}

  /**
   * Fills {@code into}.
   *
   * @throws StorageException.Corrupt if the file ends before
   */
  static void read(Path file, FileChannel channel, ByteBuffer into, long from)
      throws StorageException.Corrupt, IOException {
    long position = from;
    while (into.hasRemaining()) {
      int count = channel.read(into, position);
      if (count < 0) {
        throw new StorageException.Corrupt("%s ends at offset %d".formatted(file, position));
      }
      position += count;
    }
  }

  static void write(FileChannel channel, ByteBuffer from, long offset) throws IOException {
    long position = offset;
    while (from.hasRemaining()) {
      position += channel.write(from, position);
    }
  }
}
