package io.coppice.pageserver.remote;

import io.coppice.common.error.StorageException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.zip.CRC32C;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.exc.UnrecognizedPropertyException;
import tools.jackson.databind.json.JsonMapper;

/**
 * A small JSON document that says what it is and proves that it is whole: one line of header, then
 * the document.
 *
 * <pre>
 *  {"format":"coppice-timeline","version":1,"length":1234,"crc32c":"89abcdef"}\n
 *  { ... }                                          length bytes, which the checksum is of
 * </pre>
 */
final class DocumentCodec<T> {
  private static final JsonMapper MAPPER =
      JsonMapper.builder().enable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES).build();
  private static final int HEADER_LENGTH_MAX = 200;

  private final String format;
  private final int version;
  private final Class<T> type;

  DocumentCodec(String format, int version, Class<T> type) {
    this.format = format;
    this.version = version;
    this.type = type;
  }

  byte[] encode(T document) {
    byte[] body = MAPPER.writeValueAsBytes(document);
    byte[] header = header(version, body).getBytes(StandardCharsets.US_ASCII);
    byte[] encoded = Arrays.copyOf(header, header.length + body.length);
    System.arraycopy(body, 0, encoded, header.length, body.length);
    return encoded;
  }

  private String header(int documentVersion, byte[] body) {
    CRC32C crc = new CRC32C();
    crc.update(body);
    return "{\"format\":\"%s\",\"version\":%d,\"length\":%d,\"crc32c\":\"%08x\"}\n"
        .formatted(format, documentVersion, body.length, (int) crc.getValue());
  }

  /** Whether what is encoded says that it is of this format and version. */
  boolean isNamedBy(byte[] encoded) {
    byte[] start =
        "{\"format\":\"%s\",\"version\":%d,"
            .formatted(format, version)
            .getBytes(StandardCharsets.US_ASCII);
    return encoded.length >= start.length
        && Arrays.equals(encoded, 0, start.length, start, 0, start.length);
  }

  /**
   * Reads a document.
   *
   * @param name where it is from, for messages
   */
  T decode(String name, byte[] encoded) throws StorageException {
    int headerLength = 0;
    while (headerLength < Math.min(encoded.length, HEADER_LENGTH_MAX)
        && encoded[headerLength] != '\n') {
      headerLength++;
    }
    if (headerLength == Math.min(encoded.length, HEADER_LENGTH_MAX)) {
      throw new StorageException.Corrupt(name + ": no header of a " + format + " document");
    }
    headerLength++;
    String header = new String(encoded, 0, headerLength, StandardCharsets.US_ASCII);
    byte[] body = Arrays.copyOfRange(encoded, headerLength, encoded.length);
    if (!header.equals(header(version, body))) {
      throw refuse(name, header, body);
    }
    try {
      return MAPPER.readValue(body, type);
    } catch (UnrecognizedPropertyException e) {
      throw new StorageException.Unsupported(
          "%s has the field \"%s\", which this program does not know: use a newer one"
              .formatted(name, e.getPropertyName()));
    } catch (JacksonException e) {
      throw new StorageException.Corrupt(name + ": not a " + format + " document: " + e, e);
    }
  }

  /** Says whether it is damaged or only of another version: then all but the version agrees. */
  private StorageException refuse(String name, String header, byte[] body) {
    String marker = "\"version\":";
    int at = header.indexOf(marker) + marker.length();
    int end = header.indexOf(',', at);
    if (at >= marker.length() && end > at && end - at < 6) {
      String digits = header.substring(at, end);
      if (digits.chars().allMatch(c -> c >= '0' && c <= '9')
          && header.equals(header(Integer.parseInt(digits), body))) {
        return new StorageException.Unsupported(
            "%s is of format version %s; this program reads %d".formatted(name, digits, version));
      }
    }
    return new StorageException.Corrupt(
        "%s fails its checksum: header %s, expected %s"
            .formatted(name, header.strip(), header(version, body).strip()));
  }
}
