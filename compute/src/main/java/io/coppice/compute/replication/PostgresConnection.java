package io.coppice.compute.replication;

import io.coppice.common.error.StorageException;
import io.coppice.common.rpc.HostPort;
import java.io.EOFException;
import java.io.IOException;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Messages of Postgres's protocol 3 over one socket: type byte, length (with itself, without the
 * type), body; big endian.
 *
 * <p>The socket does not block: one thread reads, waiting in a selector, and any thread may write
 * small messages at once. What the socket does not take then, the reader writes later.
 */
final class PostgresConnection implements AutoCloseable {
  private static final int READ_BUFFER_SIZE_BYTES = 512 * 1024;
  private static final int MESSAGE_SIZE_BYTES_MAX = 256 * 1024;
  private static final int HEADER_SIZE_BYTES = 5;
  private static final int PROTOCOL_3 = 3 << 16;
  private static final long REPLY_WAIT_MILLIS = 10_000;

  private final SocketChannel channel;
  private final Selector selector;
  private final SelectionKey key;
  private final ByteBuffer in = ByteBuffer.allocate(READ_BUFFER_SIZE_BYTES).flip();

  private final Object writeLock = new Object();
  private @Nullable ByteBuffer unwritten;

  private PostgresConnection(SocketChannel channel, Selector selector, SelectionKey key) {
    this.channel = channel;
    this.selector = selector;
    this.key = key;
  }

  static PostgresConnection open(HostPort address) throws IOException {
    SocketChannel channel = SocketChannel.open(address.toSocketAddress());
    try {
      channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
      channel.setOption(StandardSocketOptions.SO_KEEPALIVE, true);
      channel.configureBlocking(false);
      Selector selector = Selector.open();
      return new PostgresConnection(
          channel, selector, channel.register(selector, SelectionKey.OP_READ));
    } catch (IOException | RuntimeException failure) {
      channel.close();
      throw failure;
    }
  }

  /** A message; its body is valid until the next one is read. */
  record Message(char type, ByteBuffer body) {

    String text() {
      int end = body.position();
      while (end < body.limit() && body.get(end) != 0) {
        end++;
      }
      byte[] bytes = new byte[end - body.position()];
      body.get(bytes);
      if (body.hasRemaining()) {
        body.get();
      }
      return new String(bytes, StandardCharsets.UTF_8);
    }
  }

  void sendStartup(List<String> namesAndValues) throws IOException {
    ByteBuffer body = ByteBuffer.allocate(4096).putInt(0).putInt(PROTOCOL_3);
    for (String text : namesAndValues) {
      body.put(text.getBytes(StandardCharsets.UTF_8)).put((byte) 0);
    }
    body.put((byte) 0);
    body.putInt(0, body.position());
    write(body.flip());
  }

  void sendQuery(String command) throws IOException {
    byte[] text = command.getBytes(StandardCharsets.UTF_8);
    write(
        ByteBuffer.allocate(HEADER_SIZE_BYTES + text.length + 1)
            .put((byte) 'Q')
            .putInt(4 + text.length + 1)
            .put(text)
            .put((byte) 0)
            .flip());
  }

  /**
   * Writes, never waits. The bytes may be taken as gone, unless the connection ends.
   *
   * @return false if nothing was written, because earlier bytes are still waiting
   */
  boolean write(ByteBuffer bytes) throws IOException {
    synchronized (writeLock) {
      if (unwritten != null) {
        return false;
      }
      channel.write(bytes);
      if (bytes.hasRemaining()) {
        unwritten = bytes;
        key.interestOps(SelectionKey.OP_READ | SelectionKey.OP_WRITE);
        selector.wakeup();
      }
      return true;
    }
  }

  private void writeRest() throws IOException {
    synchronized (writeLock) {
      ByteBuffer rest = unwritten;
      if (rest == null) {
        return;
      }
      channel.write(rest);
      if (!rest.hasRemaining()) {
        unwritten = null;
        key.interestOps(SelectionKey.OP_READ);
      }
    }
  }

  /**
   * Waits until bytes have come, or those waiting went out.
   *
   * @throws EOFException if Postgres closed the connection
   */
  void waitForBytes(long timeoutMillis) throws IOException {
    in.compact();
    try {
      int count = channel.read(in);
      if (count == 0) {
        selector.select(timeoutMillis);
        selector.selectedKeys().clear();
        writeRest();
        count = channel.read(in);
      }
      if (count < 0) {
        throw new EOFException("Postgres closed the connection");
      }
    } finally {
      in.flip();
    }
  }

  /** The next whole message among the bytes that have come, if there is one. */
  @Nullable Message poll() throws StorageException.Corrupt {
    if (in.remaining() < HEADER_SIZE_BYTES) {
      return null;
    }
    int length = in.getInt(in.position() + 1);
    if (length < 4 || length > MESSAGE_SIZE_BYTES_MAX) {
      throw new StorageException.Corrupt(
          "a message of %d bytes from Postgres (at most %d)"
              .formatted(length, MESSAGE_SIZE_BYTES_MAX));
    }
    if (in.remaining() < 1 + length) {
      return null;
    }
    char type = (char) in.get(in.position());
    ByteBuffer body = in.slice(in.position() + HEADER_SIZE_BYTES, length - 4);
    in.position(in.position() + 1 + length);
    return new Message(type, body);
  }

  /** The next message that is no notice or parameter; waits for it. */
  Message receive() throws IOException, StorageException {
    long waits = 0;
    while (true) {
      Message message = poll();
      if (message == null) {
        if (waits++ > READ_BUFFER_SIZE_BYTES) {
          throw new StorageException.Transient("Postgres sends a reply byte by byte");
        }
        int before = in.remaining();
        waitForBytes(REPLY_WAIT_MILLIS);
        if (in.remaining() == before) {
          throw new StorageException.Transient("Postgres does not answer");
        }
      } else if (message.type() != 'N' && message.type() != 'S' && message.type() != 'K') {
        return message;
      }
    }
  }

  /** The rows of a command; {@link PostgresError} if it failed. */
  List<List<String>> query(String command) throws IOException, StorageException, PostgresError {
    sendQuery(command);
    List<List<String>> rows = new ArrayList<>();
    PostgresError error = null;
    while (true) {
      Message message = receive();
      switch (message.type()) {
        case 'E' -> error = PostgresError.of(message.body());
        case 'D' -> rows.add(row(message.body()));
        case 'Z' -> {
          if (error != null) {
            throw error;
          }
          return rows;
        }
        default -> {} // row description, command complete
      }
    }
  }

  private static List<String> row(ByteBuffer body) {
    List<String> columns = new ArrayList<>();
    int count = body.getShort();
    for (int i = 0; i < count; i++) {
      int length = body.getInt();
      byte[] text = new byte[Math.max(0, length)];
      body.get(text);
      columns.add(new String(text, StandardCharsets.UTF_8));
    }
    return columns;
  }

  /** Wakes the reader, which then finds the socket closed. */
  @Override
  public void close() throws IOException {
    channel.close();
    selector.close();
  }
}
