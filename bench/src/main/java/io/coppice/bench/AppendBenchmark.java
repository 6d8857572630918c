package io.coppice.bench;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.common.platform.Clock;
import io.coppice.common.platform.Ids;
import io.coppice.common.rpc.HostPort;
import io.coppice.postgres.control.ControlFile;
import io.coppice.safekeeper.consensus.Request;
import io.coppice.safekeeper.consensus.TimelineProperties;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;

/**
 * WAL sent to one safekeeper in a process of its own until it is durable there, against the same
 * bytes appended to a file with a sync (fdatasync) behind each message.
 */
final class AppendBenchmark implements Benchmark {
  private static final int ROUNDS = 8;

  /** Not counted: until it is compiled, a safekeeper takes half as much. */
  private static final int WARM_UP_ROUNDS = 8;

  private static final int SMALL = 8 * 1024;
  private static final int LARGE = Request.Append.DATA_SIZE_BYTES_MAX;

  /** As many messages as a safekeeper lets be under way. */
  private static final int PIPELINED = 64;

  private static final long SHORT_BYTES = 8L << 20;
  private static final long LONG_BYTES = 128L << 20;

  /** One shape of load; {@code outstanding} messages are sent before the first is durable. */
  private record Load(String name, int messageSizeBytes, int outstanding, long sizeBytes) {}

  private static final List<Load> LOADS =
      List.of(
          new Load("8 KiB messages, one at a time", SMALL, 1, SHORT_BYTES),
          new Load("8 KiB messages", SMALL, PIPELINED, LONG_BYTES),
          new Load("128 KiB messages", LARGE, PIPELINED, LONG_BYTES));

  @Override
  public void run(Workspace workspace, Report report)
      throws BenchFailure, StorageException, IOException, InterruptedException {
    WalArchive archive = workspace.archive();
    long systemId =
        ControlFile.read(Files.readAllBytes(archive.base().resolve(ControlFile.PATH))).systemId();
    Path directory = workspace.newDirectory("append");
    List<HostPort> ports = Machine.freePorts(2);
    try (Roles roles = new Roles(directory, settings(directory, ports))) {
      roles.start("safekeeper", ports.get(0), "safekeeper", "--id", "1");
      for (Load load : LOADS) {
        byte[] wal = read(archive, load.sizeBytes());
        double seconds = 0;
        double anchorSeconds = 0;
        for (int round = -WARM_UP_ROUNDS; round < ROUNDS; round++) {
          double fileSeconds = toFile(directory, wal, load.messageSizeBytes());
          TimelineProperties timeline = newTimeline(archive.start(), systemId);
          double roundSeconds = toSafekeeper(ports.get(0), timeline, wal, load);
          if (round >= 0) {
            anchorSeconds += fileSeconds;
            seconds += roundSeconds;
          }
        }
        double megabytes = ROUNDS * wal.length / 1e6;
        report.add(
            Figure.rate(
                "append, " + load.name(), "MB/s", megabytes / seconds, megabytes / anchorSeconds));
      }
    }
  }

  private static List<String> settings(Path directory, List<HostPort> ports) {
    return List.of(
        "--data-dir",
        directory.resolve("data").toString(),
        "--set",
        "cluster.safekeepers=" + ports.get(0),
        "--set",
        "status.listen=" + ports.get(1));
  }

  /** WAL from the archive's start on, at most so much. */
  private static byte[] read(WalArchive archive, long sizeBytesMax) throws IOException {
    int size = (int) Math.min(sizeBytesMax, archive.sizeBytes());
    ByteBuffer wal = ByteBuffer.allocate(size);
    while (wal.hasRemaining()) {
      Lsn position = archive.start().plus(wal.position());
      int offset = (int) (position.value() % WalArchive.SEGMENT_SIZE_BYTES);
      byte[] segment = Files.readAllBytes(archive.segment(position));
      wal.put(segment, offset, Math.min(segment.length - offset, wal.remaining()));
    }
    return wal.array();
  }

  private static double toFile(Path directory, byte[] wal, int messageSizeBytes)
      throws IOException {
    Path file = directory.resolve("anchor");
    long start = Clock.SYSTEM.monotonicNanos();
    try (FileChannel out =
        FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
      for (int at = 0; at < wal.length; at += messageSizeBytes) {
        ByteBuffer message = ByteBuffer.wrap(wal, at, Math.min(messageSizeBytes, wal.length - at));
        while (message.hasRemaining()) {
          out.write(message);
        }
        out.force(false);
      }
    }
    double seconds = (Clock.SYSTEM.monotonicNanos() - start) / 1e9;
    Files.delete(file);
    return seconds;
  }

  private static TimelineProperties newTimeline(Lsn start, long systemId) {
    TenantTimelineId id =
        new TenantTimelineId(
            Ids.newTenantId(Ids.secureRandom()), Ids.newTimelineId(Ids.secureRandom()));
    return new TimelineProperties(
        id, Programs.PG_MAJOR, systemId, WalArchive.SEGMENT_SIZE_BYTES, start);
  }

  private static double toSafekeeper(
      HostPort address, TimelineProperties timeline, byte[] wal, Load load)
      throws BenchFailure, InterruptedException {
    Lsn start = timeline.startLsn();
    try (SafekeeperAppender appender = SafekeeperAppender.open(address, timeline)) {
      long window = (long) load.outstanding() * load.messageSizeBytes();
      long startNanos = Clock.SYSTEM.monotonicNanos();
      for (int at = 0; at < wal.length; at += load.messageSizeBytes()) {
        int size = Math.min(load.messageSizeBytes(), wal.length - at);
        appender.awaitDurable(start.plus(Math.max(0, at + size - window)));
        appender.append(start.plus(at), ByteBuffer.wrap(wal, at, size));
      }
      appender.awaitDurable(start.plus(wal.length));
      return (Clock.SYSTEM.monotonicNanos() - startNanos) / 1e9;
    }
  }
}
