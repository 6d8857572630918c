package io.coppice.common.objectstore.s3;

import io.coppice.common.error.StorageException;
import io.coppice.common.objectstore.ObjectStore;
import io.coppice.common.objectstore.s3.S3Failures.UncheckedFailure;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Optional;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;
import software.amazon.awssdk.core.exception.RetryableException;
import software.amazon.awssdk.core.sync.ResponseTransformer;
import software.amazon.awssdk.services.s3.model.GetObjectResponse;

/**
 * Takes the content of one object as it comes, and lets only what is whole and right pass. For one
 * call with all its tries.
 *
 * <p>What ends early is tried again. What fails its checksum is tried again once, since it may have
 * changed on its way; the second time it is damage.
 */
final class CheckedBody {
  private static final int BUFFER_SIZE_BYTES = 64 * 1024;
  private static final int MISMATCHES_MAX = 2;

  private final String name;
  private long announcedSizeBytes;
  private int mismatches;

  CheckedBody(String name) {
    this.name = name;
  }

  /** How large the object is said to be, once an answer has come. */
  long announcedSizeBytes() {
    return announcedSizeBytes;
  }

  /**
   * Into memory.
   *
   * @param sizeBytesExpected of more, nothing is read; the failure is transient
   */
  ResponseTransformer<GetObjectResponse, byte[]> toBytes(long sizeBytesExpected) {
    return (answer, in) -> {
      announcedSizeBytes = answer.contentLength() == null ? 0 : answer.contentLength();
      if (announcedSizeBytes > sizeBytesExpected
          && announcedSizeBytes <= ObjectStore.MEMORY_SIZE_BYTES_MAX) {
        throw new UncheckedFailure(
            new StorageException.Transient(
                "object %s has %d bytes, more than %d"
                    .formatted(name, announcedSizeBytes, sizeBytesExpected)));
      }
      ByteArrayOutputStream out = new ByteArrayOutputStream();
      copy(answer, in, out, ObjectStore.MEMORY_SIZE_BYTES_MAX);
      return out.toByteArray();
    };
  }

  /** Into a new file, which is deleted if a try fails. */
  ResponseTransformer<GetObjectResponse, Path> toFile(Path file) {
    return (answer, in) -> {
      OutputStream out = create(file);
      try (out) {
        copy(answer, in, out, Long.MAX_VALUE);
      } catch (IOException | RuntimeException e) {
        Files.deleteIfExists(file);
        throw e;
      }
      return file;
    };
  }

  private OutputStream create(Path file) {
    try {
      return Files.newOutputStream(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
    } catch (IOException e) {
      throw cannotWrite(e);
    }
  }

  private void copy(GetObjectResponse answer, InputStream in, OutputStream out, long sizeBytesMax) {
    Optional<ObjectMetadata> metadata = ObjectMetadata.of(answer.metadata());
    if (metadata.isEmpty()) {
      throw new UncheckedFailure(
          new StorageException.Corrupt(
              "object %s has no checksum in its metadata: Coppice did not write it, or it was copied"
                      .formatted(name)
                  + " without its metadata"));
    }
    CRC32C crc = new CRC32C();
    byte[] buffer = new byte[BUFFER_SIZE_BYTES];
    long sizeBytes = 0;
    int count = read(in, buffer);
    while (count >= 0) {
      sizeBytes += count;
      if (sizeBytes > sizeBytesMax) {
        throw new UncheckedFailure(
            new StorageException.Invalid(
                "object %s must go through a file: it has more than %d bytes"
                    .formatted(name, sizeBytesMax)));
      }
      crc.update(buffer, 0, count);
      write(out, buffer, count);
      count = read(in, buffer);
    }
    check(sizeBytes, answer.contentLength(), (int) crc.getValue(), metadata.get().crc32c());
  }

  private int read(InputStream in, byte[] buffer) {
    try {
      return in.read(buffer);
    } catch (IOException e) {
      throw RetryableException.create("object %s: its content ended early".formatted(name), e);
    }
  }

  private void write(OutputStream out, byte[] buffer, int count) {
    try {
      out.write(buffer, 0, count);
    } catch (IOException e) {
      throw cannotWrite(e);
    }
  }

  /** The fault of this machine, which trying again does not mend. */
  private UncheckedFailure cannotWrite(IOException e) {
    return new UncheckedFailure(
        new StorageException.Transient(
            "writing object %s to a file failed: %s".formatted(name, e), e));
  }

  private void check(
      long sizeBytes, @Nullable Long sizeBytesExpected, int crc32c, int crc32cExpected) {
    if (sizeBytesExpected != null && sizeBytes != sizeBytesExpected) {
      throw RetryableException.create(
          "object %s: %d bytes came of %d".formatted(name, sizeBytes, sizeBytesExpected));
    }
    if (crc32c == crc32cExpected) {
      return;
    }
    UncheckedFailure damage =
        new UncheckedFailure(
            new StorageException.Corrupt(
                "object %s of %d bytes: CRC32C is %08x, its metadata says %08x"
                    .formatted(name, sizeBytes, crc32c, crc32cExpected)));
    mismatches++;
    throw mismatches < MISMATCHES_MAX
        ? RetryableException.create("object %s: wrong checksum".formatted(name), damage)
        : damage;
  }
}
