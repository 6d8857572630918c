package io.coppice.common.objectstore.s3;

import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.Optional;

/** One request or answer of HTTP/1.1, whole, as it was on the wire. */
final class HttpMessage {
  private static final String END_OF_HEAD = "\r\n\r\n";

  private final String head;
  private final byte[] body;

  HttpMessage(String head, byte[] body) {
    this.head = head;
    this.body = body;
  }

  /**
   * Reads the next one; empty if the other side has hung up.
   *
   * @param hasBody false for what never has one, whatever its head says
   */
  static Optional<HttpMessage> read(InputStream in, boolean hasBody) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    String head = "";
    while (!head.endsWith(END_OF_HEAD)) {
      int next = in.read();
      if (next < 0) {
        return Optional.empty();
      }
      bytes.write(next);
      if (next == '\n') {
        head = bytes.toString(StandardCharsets.ISO_8859_1);
      }
    }
    HttpMessage message = new HttpMessage(head, new byte[0]);
    return Optional.of(hasBody ? message.withBody(in) : message);
  }

  /** With the body that follows its head. */
  HttpMessage withBody(InputStream in) throws IOException {
    return new HttpMessage(head, readBody(in));
  }

  private byte[] readBody(InputStream in) throws IOException {
    if (header("transfer-encoding").isPresent()) {
      return readChunks(in);
    }
    if (endsConnection() && header("content-length").isEmpty()) {
      return in.readAllBytes();
    }
    int length = Integer.parseInt(header("content-length").orElse("0"));
    byte[] body = in.readNBytes(length);
    if (body.length < length) {
      throw new EOFException("a body ended early");
    }
    return body;
  }

  /** With their framing, since they are passed on as they are. */
  private static byte[] readChunks(InputStream in) throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    int size = -1;
    while (size != 0) {
      String line = readLine(in);
      out.writeBytes((line + "\r\n").getBytes(StandardCharsets.ISO_8859_1));
      size = Integer.parseInt(line.strip(), 16);
      out.writeBytes(in.readNBytes(size + 2));
    }
    return out.toByteArray();
  }

  private static String readLine(InputStream in) throws IOException {
    StringBuilder line = new StringBuilder();
    for (int next = in.read(); next != '\n'; next = in.read()) {
      if (next < 0) {
        throw new EOFException("a line ended early");
      }
      line.append((char) next);
    }
    return line.toString().stripTrailing();
  }

  Optional<String> header(String name) {
    return head.lines()
        .filter(line -> line.toLowerCase(Locale.ROOT).startsWith(name + ":"))
        .map(line -> line.substring(name.length() + 1).strip())
        .findFirst();
  }

  HttpMessage without(String name) {
    return new HttpMessage(head.replaceFirst("(?i)" + name + ":[^\r]*\r\n", ""), body);
  }

  boolean endsConnection() {
    return header("connection").filter("close"::equalsIgnoreCase).isPresent();
  }

  String method() {
    return head.substring(0, head.indexOf(' '));
  }

  /** Whether it is an answer with this status. */
  boolean hasStatus(int status) {
    return head.startsWith("HTTP/1.1 " + status);
  }

  /** With one bit of the body changed, if there is one. */
  HttpMessage flipped() {
    byte[] changed = body.clone();
    if (changed.length > 0) {
      changed[changed.length / 2] ^= 1;
    }
    return new HttpMessage(head, changed);
  }

  byte[] bytes() {
    byte[] start = head.getBytes(StandardCharsets.ISO_8859_1);
    byte[] all = new byte[start.length + body.length];
    System.arraycopy(start, 0, all, 0, start.length);
    System.arraycopy(body, 0, all, start.length, body.length);
    return all;
  }
}
