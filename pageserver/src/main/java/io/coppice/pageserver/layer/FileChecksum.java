package io.coppice.pageserver.layer;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.zip.CRC32C;

/** CRC32C of whole files. */
public final class FileChecksum {
  private static final int BUFFER_SIZE_BYTES = 1 << 18;

  private FileChecksum() {}

  public static int crc32c(Path file) throws IOException {
    CRC32C crc = new CRC32C();
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ);
        Arena arena = Arena.ofConfined()) {
      ByteBuffer buffer = arena.allocate(BUFFER_SIZE_BYTES).asByteBuffer();
      while (channel.read(buffer.clear()) >= 0) {
        crc.update(buffer.flip());
      }
    }
    return (int) crc.getValue();
  }
}
