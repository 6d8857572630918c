package io.coppice.common.objectstore.s3;

import java.util.HexFormat;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * What Coppice keeps beside the content of an object: {@code x-amz-meta-coppice-crc32c}, 8 hex
 * digits, and {@code x-amz-meta-coppice-writer}, 32 hex digits.
 *
 * @param crc32c of the content
 * @param writer chosen at random by the call that wrote the object, which so knows it again
 */
record ObjectMetadata(int crc32c, String writer) {
  private static final String CRC32C = "coppice-crc32c";
  private static final String WRITER = "coppice-writer";
  private static final Pattern CRC32C_TEXT = Pattern.compile("[0-9a-f]{8}");

  Map<String, String> toMap() {
    return Map.of(CRC32C, HexFormat.of().toHexDigits(crc32c), WRITER, writer);
  }

  /** Empty if there is no checksum: then Coppice did not write it, or not through this server. */
  static Optional<ObjectMetadata> of(Map<String, String> stored) {
    Optional<String> crc32c = find(stored, CRC32C);
    return crc32c
        .filter(text -> CRC32C_TEXT.matcher(text).matches())
        .map(text ->
            new ObjectMetadata(HexFormat.fromHexDigits(text), find(stored, WRITER).orElse("")));
  }

  /** Names of headers have no case, and servers differ. */
  private static Optional<String> find(Map<String, String> stored, String name) {
    return stored.entrySet().stream()
        .filter(entry -> entry.getKey().equalsIgnoreCase(name))
        .map(Map.Entry::getValue)
        .findFirst();
  }
}
