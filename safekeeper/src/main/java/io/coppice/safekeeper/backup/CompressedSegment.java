package io.coppice.safekeeper.backup;

import com.github.luben.zstd.ZstdIOException;
import com.github.luben.zstd.ZstdInputStreamNoFinalizer;
import com.github.luben.zstd.ZstdOutputStreamNoFinalizer;
import io.coppice.common.error.StorageException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;

/** A segment as one frame of Zstandard (RFC 8878), with the frame's checksum of what is in it. */
final class CompressedSegment {
  static final String SUFFIX = ".zst";

  /** Those above take longer, on a machine that has commits to serve, and save little more. */
  private static final int LEVEL = 1;

  private static final int BUFFER_SIZE_BYTES = 128 * 1024;

  private CompressedSegment() {}

  /** Compresses a file into another, which is made or replaced. */
  static void compress(Path segment, Path into) throws IOException {
    try (InputStream in = Files.newInputStream(segment);
        ZstdOutputStreamNoFinalizer out =
            new ZstdOutputStreamNoFinalizer(Files.newOutputStream(into), LEVEL)) {
      out.setChecksum(true);
      in.transferTo(out);
    }
  }

  /**
   * Brings back the segment; writes no more than its size, whatever the frame has.
   *
   * @param object what damage is said to be in
   * @throws StorageException.Corrupt if it is not a frame, or one of something else
   */
  static void expand(Path compressed, Path into, int segmentSizeBytes, String object)
      throws StorageException.Corrupt, IOException {
    long size;
    try (InputStream in = new ZstdInputStreamNoFinalizer(Files.newInputStream(compressed));
        OutputStream out = Files.newOutputStream(into)) {
      size = copy(in, out, segmentSizeBytes);
    } catch (ZstdIOException damage) {
      throw new StorageException.Corrupt(
          "object %s, offset 0: expected a frame of Zstandard, found: %s"
              .formatted(object, damage.getMessage()),
          damage);
    }
    if (size != segmentSizeBytes) {
      throw new StorageException.Corrupt(
          "object %s, offset 0: expected a segment of %d bytes, found %s"
              .formatted(object, segmentSizeBytes, size > segmentSizeBytes ? "more" : size));
    }
  }

  private static long copy(InputStream in, OutputStream out, int sizeBytesMax) throws IOException {
    byte[] buffer = new byte[BUFFER_SIZE_BYTES];
    long size = 0;
    int count = in.read(buffer);
    while (count > 0) {
      size += count;
      if (size > sizeBytesMax) {
        return size;
      }
      out.write(buffer, 0, count);
      count = in.read(buffer);
    }
    return size;
  }
}
