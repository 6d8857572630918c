package io.coppice.compute.proposer;

import io.coppice.common.id.Lsn;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.common.platform.Clock;
import io.coppice.common.platform.Ids;
import io.coppice.common.rpc.HostPort;
import io.coppice.common.rpc.RpcChannel;
import io.coppice.compute.postgres.DirectoryTrees;
import io.coppice.compute.postgres.Initdb;
import io.coppice.compute.postgres.PostgresServer;
import io.coppice.compute.postgres.TestPostgres;
import io.coppice.proto.v1.SafekeeperServiceGrpc;
import io.coppice.proto.v1.TimelineStatusRequest;
import io.coppice.safekeeper.server.Safekeeper;
import io.coppice.safekeeper.server.SafekeeperConfig;
import io.grpc.ManagedChannel;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.TreeMap;

/** Three safekeepers in this process, and a stock Postgres whose commits wait for a proposer. */
final class ProposerWorld {
  static final int SEGMENT_SIZE_BYTES = 16 * 1024 * 1024;
  private static final long TIMEOUT_MILLIS = 60_000;

  private final Path directory;
  private final Path data;
  private final int postgresPort;
  private final PostgresServer postgres;
  private final TreeMap<Integer, Safekeeper> safekeepers = new TreeMap<>();
  private final List<Integer> ports = new ArrayList<>();
  private final long systemId;
  private final Lsn startLsn;
  final TenantTimelineId id =
      new TenantTimelineId(
          Ids.newTenantId(Ids.secureRandom()), Ids.newTimelineId(Ids.secureRandom()));

  ProposerWorld(Path temporary) throws Exception {
    directory = TestPostgres.open(temporary);
    data = Files.createDirectory(directory.resolve("data"));
    TestPostgres.user().own(data);
    Initdb.run(TestPostgres.installation(), TestPostgres.user(), data, Optional.empty(), false);
    postgresPort = freePort();
    postgres =
        PostgresServer.start(
            new PostgresServer.Spec(
                TestPostgres.installation(),
                TestPostgres.user(),
                data,
                directory.resolve("log"),
                List.of(
                    "port=" + postgresPort,
                    "listen_addresses=127.0.0.1",
                    "unix_socket_directories=",
                    "fsync=off",
                    "wal_keep_size=1GB",
                    "synchronous_standby_names=coppice")),
            TIMEOUT_MILLIS,
            Clock.SYSTEM);
    for (int node = 1; node <= 3; node++) {
      ports.add(freePort());
      startSafekeeper(node);
    }
    try (Connection connection = connect()) {
      systemId =
          Long.parseUnsignedLong(
              one(connection, "select system_identifier::text from pg_control_system()"));
      Lsn found = flushLsn(connection);
      while (!Lsn.parse(one(connection, "select pg_current_wal_insert_lsn()")).equals(found)) {
        found = flushLsn(connection);
      }
      startLsn = found;
    }
  }

  static Lsn flushLsn(Connection connection) throws SQLException {
    return Lsn.parse(one(connection, "select pg_current_wal_flush_lsn()"));
  }

  static String one(Connection connection, String query) throws SQLException {
    try (Statement statement = connection.createStatement();
        ResultSet row = statement.executeQuery(query)) {
      row.next();
      return row.getString(1);
    }
  }

  static void run(Connection connection, String command) throws SQLException {
    try (Statement statement = connection.createStatement()) {
      statement.execute(command);
    }
  }

  void startSafekeeper(int node) throws Exception {
    safekeepers.put(
        node,
        Safekeeper.start(
            new SafekeeperConfig(
                node,
                directory.resolve("safekeeper-" + node),
                new HostPort("127.0.0.1", ports.get(node - 1)))));
  }

  void stopSafekeeper(int node) {
    Safekeeper stopped = safekeepers.remove(node);
    if (stopped != null) {
      stopped.close();
    }
  }

  /** Its disk is replaced by an empty one. */
  void wipeSafekeeper(int node) throws Exception {
    stopSafekeeper(node);
    DirectoryTrees.delete(directory.resolve("safekeeper-" + node));
    startSafekeeper(node);
  }

  ProposerConfig config() {
    return ProposerConfig.of(
            id,
            ports.stream().map(port -> new HostPort("127.0.0.1", port)).toList(),
            15,
            systemId,
            SEGMENT_SIZE_BYTES,
            startLsn)
        .withCreation(1, true);
  }

  ProposerConfig configWithRecentWalOf(int sizeBytes) {
    ProposerConfig plain = config();
    return new ProposerConfig(
        plain.timeline(),
        plain.safekeepers(),
        plain.pgMajor(),
        plain.systemId(),
        plain.walSegmentSizeBytes(),
        plain.timelineStartLsn(),
        plain.creation(),
        plain.create(),
        plain.clock(),
        plain.random(),
        plain.electionTimeoutMillis(),
        sizeBytes);
  }

  HostPort postgresAddress() {
    return new HostPort("127.0.0.1", postgresPort);
  }

  PostgresServer postgres() {
    return postgres;
  }

  Connection connect() throws SQLException {
    return DriverManager.getConnection(
        "jdbc:postgresql://127.0.0.1:%d/postgres?user=postgres".formatted(postgresPort));
  }

  Lsn startLsn() {
    return startLsn;
  }

  /** What a safekeeper would pass on to page servers. */
  Lsn commitKnownTo(int node) {
    ManagedChannel channel = RpcChannel.open(new HostPort("127.0.0.1", ports.get(node - 1)));
    try {
      TimelineStatusRequest request =
          TimelineStatusRequest.newBuilder()
              .setTenantId(id.tenant().toString())
              .setTimelineId(id.timeline().toString())
              .build();
      return new Lsn(
          SafekeeperServiceGrpc.newBlockingStub(channel).timelineStatus(request).getCommitLsn());
    } finally {
      channel.shutdownNow();
    }
  }

  Path walOf(int node) {
    return directory
        .resolve("safekeeper-" + node)
        .resolve("tenants")
        .resolve(id.tenant().toString())
        .resolve("timelines")
        .resolve(id.timeline().toString())
        .resolve("wal");
  }

  /** The bytes of a segment between two positions, as Postgres or a safekeeper has them. */
  static byte[] bytes(Path walDirectory, Lsn from, Lsn to) throws IOException {
    byte[] all = new byte[(int) to.minus(from)];
    Lsn at = from;
    while (at.isBefore(to)) {
      long segment = at.value() / SEGMENT_SIZE_BYTES;
      int offset = (int) (at.value() % SEGMENT_SIZE_BYTES);
      int count = (int) Math.min(to.minus(at), SEGMENT_SIZE_BYTES - offset);
      Path file = walDirectory.resolve("00000001%08X%08X".formatted(segment >>> 8, segment & 0xFF));
      byte[] whole = Files.exists(file) ? Files.readAllBytes(file) : new byte[SEGMENT_SIZE_BYTES];
      System.arraycopy(whole, offset, all, (int) at.minus(from), count);
      at = at.plus(count);
    }
    return all;
  }

  Path postgresWal() {
    return data.resolve("pg_wal");
  }

  private static int freePort() throws IOException {
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return socket.getLocalPort();
    }
  }

  void close() throws Exception {
    postgres.stopNow();
    safekeepers.values().forEach(Safekeeper::close);
  }
}
