package io.coppice.compute.postgres;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;

/** The end of a log file. */
final class LogTail {
  private static final int SIZE_BYTES_MAX = 8 * 1024;

  private LogTail() {}

  /** At most that many of the last lines, and of those at most the last 8 KiB. */
  static String read(Path file, int lines) {
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
      long size = channel.size();
      ByteBuffer buffer = ByteBuffer.allocate((int) Math.min(size, SIZE_BYTES_MAX));
      channel.position(size - buffer.capacity());
      while (buffer.hasRemaining() && channel.read(buffer) >= 0) {
        // until it is full or the file is at its end
      }
      String text = new String(buffer.array(), 0, buffer.position(), StandardCharsets.UTF_8);
      List<String> all = text.strip().lines().toList();
      return String.join("\n", all.subList(Math.max(0, all.size() - lines), all.size()));
    } catch (IOException e) {
      return "(not readable: " + e.getMessage() + ")";
    }
  }
}
