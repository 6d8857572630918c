package io.coppice.postgres.files;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.RelationTag;
import io.coppice.postgres.control.ControlFile;
import io.coppice.postgres.datadir.DataDirectoryLayout;
import io.coppice.postgres.page.Page;
import io.coppice.postgres.verify.BasePages;
import io.coppice.postgres.version.PostgresVersion;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.SequencedMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A data directory that no server uses, or a base backup: what its control file says, and its
 * pages. Tablespaces are followed through {@code pg_tblspc}. Not thread safe.
 */
public final class ClusterFiles implements BasePages, AutoCloseable {
  private static final int OPEN_FILES_MAX = 256;
  private static final String BACKUP_LABEL = "backup_label";
  private static final Pattern BACKUP_START =
      Pattern.compile("^START WAL LOCATION: ([0-9A-Fa-f]+/[0-9A-Fa-f]+) ", Pattern.MULTILINE);

  private record FileId(RelationTag fork, int segment) {}

  private final Path directory;
  private final ControlFile control;
  private final DataDirectoryLayout layout;
  private final Lsn startLsn;

  /** Those used last are kept open. */
  private final SequencedMap<FileId, FileChannel> open = new LinkedHashMap<>(16, 0.75f, true);

  private ClusterFiles(Path directory, ControlFile control, Lsn startLsn) {
    this.directory = directory;
    this.control = control;
    this.layout = DataDirectoryLayout.of(control);
    this.startLsn = startLsn;
  }

  /**
   * Opens a directory.
   *
   * @throws StorageException.Precondition if it is none of a cluster
   * @throws StorageException.Unsupported if it is of an unknown major
   */
  public static ClusterFiles open(Path directory) throws StorageException {
    byte[] bytes;
    try {
      bytes = Files.readAllBytes(directory.resolve(ControlFile.PATH));
    } catch (IOException e) {
      throw new StorageException.Precondition(
          "%s is no data directory of Postgres: cannot read %s: %s"
              .formatted(directory, ControlFile.PATH, e));
    }
    ControlFile control = ControlFile.read(bytes);
    return new ClusterFiles(directory, control, startLsn(directory, control));
  }

  private static Lsn startLsn(Path directory, ControlFile control) throws StorageException {
    Path label = directory.resolve(BACKUP_LABEL);
    if (!Files.exists(label)) {
      return control.checkPoint().redo();
    }
    try {
      Matcher matcher = BACKUP_START.matcher(Files.readString(label));
      if (!matcher.find()) {
        throw new StorageException.Corrupt(label + " does not say where its WAL begins");
      }
      return Lsn.parse(matcher.group(1));
    } catch (IOException e) {
      throw new StorageException.Transient("cannot read %s: %s".formatted(label, e), e);
    }
  }

  public ControlFile control() {
    return control;
  }

  /** From here on WAL has all that these files lack. */
  public Lsn startLsn() {
    return startLsn;
  }

  @Override
  public boolean read(RelationTag fork, int block, byte[] page) throws StorageException {
    int segment = Integer.divideUnsigned(block, PostgresVersion.PAGES_PER_RELATION_SEGMENT);
    long inSegment = Integer.remainderUnsigned(block, PostgresVersion.PAGES_PER_RELATION_SEGMENT);
    Path path = directory.resolve(layout.relationPath(fork, segment));
    try {
      FileChannel channel = channel(new FileId(fork, segment), path);
      ByteBuffer buffer = ByteBuffer.wrap(page);
      while (buffer.hasRemaining()) {
        if (channel.read(buffer, inSegment * Page.SIZE_BYTES + buffer.position()) < 0) {
          return false;
        }
      }
      return true;
    } catch (NoSuchFileException _) {
      return false;
    } catch (IOException e) {
      throw new StorageException.Transient("cannot read %s: %s".formatted(path, e), e);
    }
  }

  private FileChannel channel(FileId id, Path path) throws IOException {
    FileChannel channel = open.get(id);
    if (channel == null) {
      if (open.size() >= OPEN_FILES_MAX) {
        var eldest = open.pollFirstEntry();
        eldest.getValue().close();
      }
      channel = FileChannel.open(path);
      open.put(id, channel);
    }
    return channel;
  }

  @Override
  public void close() throws StorageException.Transient {
    try {
      for (FileChannel channel : open.values()) {
        channel.close();
      }
    } catch (IOException e) {
      throw new StorageException.Transient("cannot close a file of " + directory, e);
    } finally {
      open.clear();
    }
  }
}
