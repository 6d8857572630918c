package io.coppice.compute.replication;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.platform.Clock;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.CancelledKeyException;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.ClosedSelectorException;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Arrays;
import java.util.List;

/**
 * One replication connection to a Postgres: a reader thread runs {@link #stream}, any thread
 * acknowledges. Only {@code trust} authentication, as an endpoint's own Postgres grants its
 * proposer.
 *
 * <pre>
 *   XLogData    'w'  start i64  end of WAL i64  time i64  bytes
 *   keepalive   'k'  end of WAL i64  time i64  reply wanted u8
 *   status      'r'  written i64  flushed i64  applied i64  time i64  reply wanted u8
 * </pre>
 *
 * Source: {@code protocol.sgml}, "Streaming Replication Protocol".
 */
public final class ReplicationClient implements AutoCloseable {
  /** The most that is handed on at once; smaller messages that are there are joined. */
  private static final int TAKE_SIZE_BYTES_MAX = 128 * 1024;

  private static final long IDLE_WAIT_MILLIS = 10_000;
  private static final String DUPLICATE_OBJECT = "42710";
  private static final String CANNOT_CONNECT_NOW = "57P03";
  private static final String OBJECT_IN_USE = "55006";
  private static final Instant POSTGRES_EPOCH = Instant.parse("2000-01-01T00:00:00Z");
  private static final int WAL_HEADER_SIZE_BYTES = 24;

  private final PostgresConnection connection;
  private final Clock clock;
  private final byte[] joined = new byte[TAKE_SIZE_BYTES_MAX];
  private Lsn joinedBegin;
  private int joinedLength;
  private Lsn serverEnd;

  /** Guards what is acknowledged, so that positions never go back on the wire. */
  private final Object statusLock = new Object();

  private Lsn acknowledged = Lsn.INVALID;
  private boolean statusDue;

  private ReplicationClient(PostgresConnection connection, ReplicationSettings settings) {
    this.connection = connection;
    this.clock = settings.clock();
    this.joinedBegin = settings.startLsn();
    this.serverEnd = settings.startLsn();
  }

  /**
   * Connects and begins to stream.
   *
   * @throws StorageException.Transient if Postgres is not there yet, or the slot is still in use
   * @throws StorageException.Precondition if it is another system, or asks for a password, or does
   *     not have that WAL
   */
  public static ReplicationClient connect(ReplicationSettings settings) throws StorageException {
    PostgresConnection connection;
    try {
      connection = PostgresConnection.open(settings.postgres());
    } catch (IOException e) {
      throw new StorageException.Transient(
          "cannot connect to Postgres at %s: %s".formatted(settings.postgres(), e), e);
    }
    boolean streaming = false;
    try {
      logIn(connection, settings);
      checkSystem(connection, settings);
      createSlot(connection, settings.slot());
      startStream(connection, settings);
      streaming = true;
      return new ReplicationClient(connection, settings);
    } catch (IOException e) {
      throw new StorageException.Transient("replication connection: " + e, e);
    } catch (PostgresError e) {
      throw of(e);
    } finally {
      if (!streaming) {
        closeQuietly(connection);
      }
    }
  }

  private static StorageException of(PostgresError error) {
    String message = String.valueOf(error.getMessage());
    boolean passes =
        error.sqlState().equals(CANNOT_CONNECT_NOW) || error.sqlState().equals(OBJECT_IN_USE);
    return passes
        ? new StorageException.Transient(message, error)
        : new StorageException.Precondition(message);
  }

  private static void closeQuietly(PostgresConnection connection) {
    try {
      connection.close();
    } catch (IOException _) {
      // it is given up anyway
    }
  }

  private static void logIn(PostgresConnection connection, ReplicationSettings settings)
      throws IOException, StorageException, PostgresError {
    connection.sendStartup(
        List.of(
            "user",
            settings.user(),
            "replication",
            "true",
            "application_name",
            settings.applicationName(),
            // while no quorum answers nothing is read from the socket, for as long as it takes
            "wal_sender_timeout",
            "0"));
    while (true) {
      PostgresConnection.Message message = connection.receive();
      switch (message.type()) {
        case 'R' -> {
          int method = message.body().getInt();
          if (method != 0) {
            throw new StorageException.Precondition(
                "Postgres wants authentication method %d of user %s; its pg_hba.conf must trust"
                        .formatted(method, settings.user())
                    + " replication connections of the proposer");
          }
        }
        case 'E' -> throw PostgresError.of(message.body());
        case 'Z' -> {
          return;
        }
        default -> {}
      }
    }
  }

  private static void checkSystem(PostgresConnection connection, ReplicationSettings settings)
      throws IOException, StorageException, PostgresError {
    List<String> row = connection.query("IDENTIFY_SYSTEM").getFirst();
    if (!row.get(0).equals(Long.toUnsignedString(settings.systemId()))) {
      throw new StorageException.Precondition(
          "Postgres at %s has system id %s, expected %s"
              .formatted(
                  settings.postgres(), row.get(0), Long.toUnsignedString(settings.systemId())));
    }
    if (!row.get(1).equals("1")) {
      throw new StorageException.Precondition(
          "Postgres at %s is on timeline %s, expected 1"
              .formatted(settings.postgres(), row.get(1)));
    }
  }

  private static void createSlot(PostgresConnection connection, String slot)
      throws IOException, StorageException, PostgresError {
    try {
      var _ =
          connection.query("CREATE_REPLICATION_SLOT \"%s\" PHYSICAL RESERVE_WAL".formatted(slot));
    } catch (PostgresError error) {
      if (!error.sqlState().equals(DUPLICATE_OBJECT)) {
        throw error;
      }
    }
  }

  private static void startStream(PostgresConnection connection, ReplicationSettings settings)
      throws IOException, StorageException, PostgresError {
    connection.sendQuery(
        "START_REPLICATION SLOT \"%s\" PHYSICAL %s TIMELINE 1"
            .formatted(settings.slot(), settings.startLsn()));
    PostgresConnection.Message message = connection.receive();
    if (message.type() == 'E') {
      throw PostgresError.of(message.body());
    }
    if (message.type() != 'W') {
      throw new StorageException.Precondition(
          "Postgres does not stream: message '%s'".formatted(message.type()));
    }
  }

  /**
   * Hands on WAL until the connection ends.
   *
   * @return how it ended
   * @throws StorageException if what came cannot be right, or the sink refused it
   */
  public String stream(WalSink sink) throws StorageException, InterruptedException {
    try {
      while (true) {
        PostgresConnection.Message message = connection.poll();
        if (message == null) {
          deliver(sink);
          sendStatusIfDue();
          connection.waitForBytes(IDLE_WAIT_MILLIS);
          continue;
        }
        switch (message.type()) {
          case 'd' -> data(message.body(), sink);
          case 'E' -> {
            return String.valueOf(PostgresError.of(message.body()).getMessage());
          }
          case 'c' -> {
            deliver(sink);
            return "Postgres ended the stream";
          }
          default -> {} // notices and parameters
        }
      }
    } catch (ClosedChannelException | ClosedSelectorException | CancelledKeyException _) {
      return "the connection was closed here";
    } catch (IOException e) {
      return String.valueOf(e.getMessage());
    }
  }

  private void data(ByteBuffer body, WalSink sink)
      throws StorageException, IOException, InterruptedException {
    byte kind = body.get();
    if (kind == 'w' && body.remaining() >= WAL_HEADER_SIZE_BYTES) {
      Lsn begin = new Lsn(body.getLong());
      serverEnd = Lsn.max(serverEnd, new Lsn(body.getLong()));
      body.getLong();
      join(begin, body, sink);
    } else if (kind == 'k' && body.remaining() >= 17) {
      serverEnd = Lsn.max(serverEnd, new Lsn(body.getLong()));
      body.getLong();
      if (body.get() != 0) {
        deliver(sink);
        synchronized (statusLock) {
          statusDue = true;
        }
        sendStatusIfDue();
      }
    } else {
      throw new StorageException.Corrupt(
          "a replication message of kind %d and %d bytes".formatted(kind, body.remaining()));
    }
  }

  private void join(Lsn begin, ByteBuffer wal, WalSink sink)
      throws StorageException, InterruptedException {
    if (!begin.equals(joinedBegin.plus(joinedLength))) {
      throw new StorageException.Corrupt(
          "Postgres sent WAL at %s, expected at %s"
              .formatted(begin, joinedBegin.plus(joinedLength)));
    }
    while (wal.hasRemaining()) {
      int count = Math.min(wal.remaining(), joined.length - joinedLength);
      wal.get(joined, joinedLength, count);
      joinedLength += count;
      if (joinedLength == joined.length) {
        deliver(sink);
      }
    }
  }

  private void deliver(WalSink sink) throws StorageException, InterruptedException {
    if (joinedLength > 0) {
      Lsn begin = joinedBegin;
      byte[] bytes = Arrays.copyOf(joined, joinedLength);
      joinedBegin = joinedBegin.plus(joinedLength);
      joinedLength = 0;
      sink.take(begin, bytes, serverEnd);
    }
  }

  /**
   * Tells Postgres that all WAL below is safe. Any thread; never waits. Positions that were already
   * passed are no news.
   */
  public void acknowledge(Lsn safe) {
    synchronized (statusLock) {
      if (!safe.isAfter(acknowledged)) {
        return;
      }
      acknowledged = safe;
      statusDue = true;
    }
    try {
      sendStatusIfDue();
    } catch (IOException | CancelledKeyException | ClosedSelectorException _) {
      // the reader finds the connection ended
    }
  }

  private void sendStatusIfDue() throws IOException {
    synchronized (statusLock) {
      if (statusDue && connection.write(status(acknowledged))) {
        statusDue = false;
      }
    }
  }

  /** Written, flushed and applied are one position: that which a quorum holds. */
  private ByteBuffer status(Lsn safe) {
    return ByteBuffer.allocate(39)
        .put((byte) 'd')
        .putInt(38)
        .put((byte) 'r')
        .putLong(safe.value())
        .putLong(safe.value())
        .putLong(safe.value())
        .putLong(ChronoUnit.MICROS.between(POSTGRES_EPOCH, clock.now()))
        .put((byte) 0)
        .flip();
  }

  /** The position last acknowledged. */
  public Lsn acknowledgedLsn() {
    synchronized (statusLock) {
      return acknowledged;
    }
  }

  /** Ends the connection; {@link #stream} returns. */
  @Override
  public void close() {
    closeQuietly(connection);
  }
}
