package io.coppice.pageserver.importer;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.pageserver.tenant.RootImport;
import io.coppice.pageserver.tenant.TenantManager;
import io.coppice.pageserver.timeline.ImageImport;
import io.coppice.pageserver.timeline.Timeline;
import io.coppice.postgres.control.ClusterState;
import io.coppice.postgres.control.ControlFile;
import io.coppice.postgres.datadir.DataDirectoryLayout;
import io.coppice.postgres.record.RecordKind;
import io.coppice.postgres.record.ResourceManager;
import io.coppice.postgres.wal.WalDecoder;
import io.coppice.postgres.wal.WalRecord;
import io.coppice.postgres.wal.WalSegmentName;
import java.io.IOException;
import java.io.InputStream;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Makes a new tenant of a data directory that a server left behind at a clean shutdown. All is
 * stored as of the end of the shutdown checkpoint's record; WAL goes on from there.
 *
 * <p>Keys must be put in order, which a tar has not: it is unpacked to disk first.
 */
public final class DataDirectoryImporter {
  private static final Logger log = LoggerFactory.getLogger(DataDirectoryImporter.class);

  private static final int RECORD_BYTES_MAX = 64 * 1024;

  private final TenantManager tenants;
  private final Path spoolRoot;

  /**
   * An importer.
   *
   * @param spoolRoot where files are kept meanwhile
   */
  public DataDirectoryImporter(TenantManager tenants, Path spoolRoot) {
    this.tenants = tenants;
    this.spoolRoot = spoolRoot;
  }

  /** Deletes what imports left behind that a crash cut short. None may be running. */
  public void clean() throws IOException {
    if (Files.isDirectory(spoolRoot)) {
      try (var left = Files.newDirectoryStream(spoolRoot)) {
        left.forEach(DataDirectoryImporter::delete);
      }
    }
  }

  /**
   * Imports. Blocks until the new branch is durable.
   *
   * @throws StorageException.Precondition if the server was not shut down cleanly
   * @throws StorageException.Unsupported if the tar has links, or it is of another major
   * @throws StorageException.Corrupt if a file does not read
   */
  public Timeline importTar(ImportTarget target, InputStream tar)
      throws StorageException, IOException {
    Files.createDirectories(spoolRoot);
    Path spool = Files.createTempDirectory(spoolRoot, "import-");
    try {
      return load(target, TarSpool.unpack(tar, spool));
    } finally {
      delete(spool);
    }
  }

  private Timeline load(ImportTarget target, TarSpool.Spooled spooled)
      throws StorageException, IOException {
    Map<String, Path> files = spooled.files();
    ControlFile control = readControl(files);
    Lsn start = endOfCheckpoint(control, files);
    RootImport root =
        new RootImport(
            target.tenant(),
            target.tenantName(),
            target.timeline(),
            target.branchName(),
            start,
            control.checkPointLsn(),
            control.version().major(),
            control.systemId(),
            control.walSegmentSizeBytes());
    try (ImageImport images = tenants.importRoot(root)) {
      long keys = new ImageLoader(control, spooled, images).load();
      Timeline timeline = images.finish();
      log.info(
          "imported {} files as {} keys of {} at {}", files.size(), keys, timeline.id(), start);
      return timeline;
    }
  }

  private static ControlFile readControl(Map<String, Path> files)
      throws StorageException, IOException {
    Path path = files.get(ControlFile.PATH);
    if (path == null) {
      throw new StorageException.Invalid(
          "this is not a data directory: it has no %s".formatted(ControlFile.PATH));
    }
    ControlFile control = ControlFile.read(Files.readAllBytes(path));
    if (control.state() != ClusterState.SHUT_DOWN) {
      throw new StorageException.Precondition(
          "the server is %s, according to its control file; it must be shut down cleanly first"
              .formatted(control.state()));
    }
    Path versionFile = files.get(DataDirectoryLayout.VERSION_FILE);
    if (versionFile != null) {
      String version = Files.readString(versionFile, StandardCharsets.US_ASCII).strip();
      if (!version.equals(control.version().versionFileText())) {
        throw new StorageException.Corrupt(
            "PG_VERSION says %s, but the control file is of %s"
                .formatted(version, control.version().versionFileText()));
      }
    }
    return control;
  }

  /** The control file says where the record starts; only the record itself says where it ends. */
  private static Lsn endOfCheckpoint(ControlFile control, Map<String, Path> files)
      throws StorageException, IOException {
    Lsn start = control.checkPointLsn();
    int segmentSize = control.walSegmentSizeBytes();
    WalDecoder decoder = WalDecoder.ofFiles(control.version(), segmentSize, start);
    WalRecord record = new WalRecord();
    WalSegmentName segment = WalSegmentName.of(control.checkPoint().timeline(), start, segmentSize);
    int offset = (int) start.minus(segment.start(segmentSize));
    // A record may go over the end of its segment, but not over that of the next one.
    for (int i = 0; i < 2; i++) {
      String path = DataDirectoryLayout.of(control).walPath(segment);
      Path file = files.get(path);
      if (file == null) {
        throw new StorageException.Corrupt(
            "%s is missing, which holds the checkpoint at %s".formatted(path, start));
      }
      byte[] bytes = readAt(file, i == 0 ? offset : 0);
      decoder.feed(bytes, 0, bytes.length);
      if (decoder.next(record)) {
        if (record.resourceManager() != ResourceManager.XLOG
            || record.kind() != RecordKind.XLOG_CHECKPOINT_SHUTDOWN) {
          throw new StorageException.Corrupt(
              "the record at %s is not a shutdown checkpoint, as the control file says: %s"
                  .formatted(start, record));
        }
        return record.end();
      }
      segment = segment.next();
    }
    throw new StorageException.Corrupt("the checkpoint record at %s does not end".formatted(start));
  }

  private static byte[] readAt(Path file, int offset) throws IOException {
    try (RandomAccessFile bytes = new RandomAccessFile(file.toFile(), "r")) {
      bytes.seek(offset);
      byte[] read = new byte[Math.clamp(bytes.length() - offset, 0, RECORD_BYTES_MAX)];
      bytes.readFully(read);
      return read;
    }
  }

  private static void delete(Path directory) {
    try (var files = Files.newDirectoryStream(directory)) {
      for (Path file : files) {
        Files.delete(file);
      }
      Files.delete(directory);
    } catch (IOException e) {
      log.warn("cannot delete {}: {}", directory, e.toString());
    }
  }
}
