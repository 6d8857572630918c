package io.coppice.bench;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.TenantId;
import io.coppice.common.id.TimelineId;
import io.coppice.compute.archive.TarPacker;
import io.coppice.pageserver.importer.DataDirectoryImporter;
import io.coppice.pageserver.importer.ImportTarget;
import io.coppice.pageserver.ingest.WalIngest;
import io.coppice.pageserver.query.TimelineReader;
import io.coppice.pageserver.tenant.TenantManager;
import io.coppice.pageserver.timeline.Timeline;
import io.coppice.postgres.files.WalFileReader;
import io.coppice.postgres.files.WalFiles;
import io.coppice.postgres.wal.WalRecord;
import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;

/** An archive in a page server's storage in this process. */
final class ArchiveLoad {
  private static final long FLUSH_MILLIS = 600_000;

  /** As a page server does it. */
  private static final long PUBLISHED_WAL_BYTES = 64 * 1024;

  private ArchiveLoad() {}

  /** Imports the data directory. */
  static Timeline importBase(TenantManager tenants, WalArchive archive, Path directory)
      throws StorageException, IOException {
    return importBase(tenants, archive, directory, 1);
  }

  /** As the other, as the tenant of that number. */
  static Timeline importBase(TenantManager tenants, WalArchive archive, Path directory, int number)
      throws StorageException, IOException {
    Path tar = directory.resolve("base.tar");
    try (OutputStream out = new BufferedOutputStream(Files.newOutputStream(tar))) {
      TarPacker.pack(archive.base(), out);
    }
    ImportTarget target =
        new ImportTarget(
            new TenantId(1, number), "bench-" + number, new TimelineId(2, number), "main");
    try (InputStream in = new BufferedInputStream(Files.newInputStream(tar))) {
      return new DataDirectoryImporter(tenants, directory.resolve("spool")).importTar(target, in);
    } finally {
      Files.delete(tar);
    }
  }

  /** Takes in all the WAL, and writes what is in memory to layers. */
  static TimelineReader ingest(Timeline timeline, WalArchive archive)
      throws BenchFailure, StorageException, InterruptedException {
    TimelineReader pages = new TimelineReader(timeline);
    WalIngest ingest = WalIngest.open(timeline, pages.sizes()::changed);
    WalRecord record = new WalRecord();
    Lsn published = timeline.lastRecordLsn();
    try (WalFileReader wal = WalFiles.open(archive.segments()).readFrom(published)) {
      while (wal.next(record)) {
        ingest.ingest(record);
        if (wal.position().minus(published) >= PUBLISHED_WAL_BYTES) {
          ingest.publish();
          published = wal.position();
        }
      }
      ingest.publish();
    }
    if (timeline.lastRecordLsn().isBefore(archive.end().plus(-WalArchive.SEGMENT_SIZE_BYTES))) {
      throw new BenchFailure(
          "WAL up to %s was taken in; the archive ends at %s"
              .formatted(timeline.lastRecordLsn(), archive.end()));
    }
    timeline.flush(FLUSH_MILLIS);
    return pages;
  }
}
