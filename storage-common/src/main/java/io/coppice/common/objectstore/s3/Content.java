package io.coppice.common.objectstore.s3;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Base64;
import java.util.zip.CRC32C;
import software.amazon.awssdk.core.sync.RequestBody;

/**
 * What is to be stored, with its checksums.
 *
 * @param md5 in Base64: the server refuses content that arrives otherwise
 * @param crc32c stays with the object and is checked when it is read
 */
record Content(RequestBody body, long sizeBytes, String md5, int crc32c) {
  private static final int BUFFER_SIZE_BYTES = 64 * 1024;

  static Content of(byte[] bytes) {
    MessageDigest md5 = newMd5();
    md5.update(bytes);
    CRC32C crc = new CRC32C();
    crc.update(bytes);
    return new Content(RequestBody.fromBytes(bytes), bytes.length, text(md5), (int) crc.getValue());
  }

  static Content of(Path file) throws IOException {
    MessageDigest md5 = newMd5();
    CRC32C crc = new CRC32C();
    long sizeBytes = 0;
    byte[] buffer = new byte[BUFFER_SIZE_BYTES];
    try (InputStream in = Files.newInputStream(file)) {
      int count = in.read(buffer);
      while (count >= 0) {
        md5.update(buffer, 0, count);
        crc.update(buffer, 0, count);
        sizeBytes += count;
        count = in.read(buffer);
      }
    }
    return new Content(RequestBody.fromFile(file), sizeBytes, text(md5), (int) crc.getValue());
  }

  private static MessageDigest newMd5() {
    try {
      return MessageDigest.getInstance("MD5");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java has MD5", e);
    }
  }

  private static String text(MessageDigest md5) {
    return Base64.getEncoder().encodeToString(md5.digest());
  }
}
