package io.coppice.pageserver.process;

import io.coppice.common.id.Lsn;
import io.coppice.common.id.TenantId;
import io.coppice.common.id.TimelineId;
import io.coppice.common.objectstore.LocalObjectStore;
import io.coppice.common.platform.Clock;
import io.coppice.common.platform.Ids;
import io.coppice.pageserver.basebackup.BaseBackup;
import io.coppice.pageserver.importer.DataDirectoryImporter;
import io.coppice.pageserver.importer.ImportTarget;
import io.coppice.pageserver.ingest.WalIngest;
import io.coppice.pageserver.query.TimelineReader;
import io.coppice.pageserver.tenant.TenantManager;
import io.coppice.pageserver.tenant.TenantManagerConfig;
import io.coppice.pageserver.timeline.Timeline;
import io.coppice.postgres.version.PostgresVersion;
import io.coppice.postgres.wal.WalDecoder;
import io.coppice.postgres.wal.WalRecord;
import io.coppice.postgres.wal.WalSegmentName;
import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** A page server's storage without its network: imports, takes in WAL, gives backups. */
final class Branches implements AutoCloseable {
  static final TenantId TENANT = new TenantId(1, 1);
  static final TimelineId ROOT = new TimelineId(1, 2);
  private static final int FEED_BYTES = 64 * 1024;

  private final Path directory;
  final TenantManager tenants;

  Branches(Path directory, long openLayerSizeBytesMax) throws Exception {
    this(
        directory,
        TenantManager.open(
            TenantManagerConfig.defaults(directory.resolve("layers"))
                .with()
                .openLayerSizeBytesMax(openLayerSizeBytesMax)
                .build(),
            LocalObjectStore.open(directory.resolve("objects"), Ids.secureRandom()),
            Clock.SYSTEM));
  }

  /**
   * The same with storage that was opened already.
   *
   * @param tenants closed with this
   */
  Branches(Path directory, TenantManager tenants) {
    this.directory = directory;
    this.tenants = tenants;
  }

  Timeline importDirectory(Path dataDirectory) throws Exception {
    Path tar = directory.resolve("import.tar");
    Postgres.exec(List.of("tar", "-C", dataDirectory.toString(), "-cf", tar.toString(), "."));
    try (InputStream in = new BufferedInputStream(Files.newInputStream(tar))) {
      return new DataDirectoryImporter(tenants, directory.resolve("spool"))
          .importTar(new ImportTarget(TENANT, "acme", ROOT, "main"), in);
    } finally {
      Files.delete(tar);
    }
  }

  /** Unpacks a base backup. */
  Postgres restore(Timeline timeline, Lsn lsn, Path target) throws Exception {
    Path tar = directory.resolve("backup.tar");
    try (OutputStream out = new BufferedOutputStream(Files.newOutputStream(tar))) {
      BaseBackup.write(new TimelineReader(timeline), lsn, true, Clock.SYSTEM.now(), out);
    }
    Files.createDirectories(target);
    Postgres.exec(List.of("tar", "-C", target.toString(), "-xf", tar.toString()));
    Files.delete(tar);
    Postgres.own(target);
    return new Postgres(target);
  }

  /** Takes in the log of a stopped server from where the timeline ends; the number of records. */
  static long ingest(Timeline timeline, Postgres server) throws Exception {
    TimelineReader reader = new TimelineReader(timeline);
    WalIngest ingest = WalIngest.open(timeline, reader.sizes()::changed);
    int segmentSize = timeline.walSegmentSizeBytes();
    Lsn start = timeline.lastRecordLsn();
    WalDecoder decoder = WalDecoder.ofFiles(PostgresVersion.V15, segmentSize, start);
    WalRecord record = new WalRecord();
    long records = 0;
    WalSegmentName first = WalSegmentName.of(1, start, segmentSize);
    for (Path file : server.walFiles()) {
      String name = file.getFileName().toString();
      if (name.compareTo(first.fileName(segmentSize)) < 0) {
        continue;
      }
      byte[] bytes = Files.readAllBytes(file);
      int from = name.equals(first.fileName(segmentSize)) ? (int) (start.value() % segmentSize) : 0;
      while (from < bytes.length && !decoder.atEndOfWal()) {
        int count = Math.min(FEED_BYTES, bytes.length - from);
        decoder.feed(bytes, from, count);
        from += count;
        while (decoder.next(record)) {
          ingest.ingest(record);
          records++;
        }
        ingest.publish();
      }
    }
    return records;
  }

  @Override
  public void close() {
    tenants.close();
  }
}
