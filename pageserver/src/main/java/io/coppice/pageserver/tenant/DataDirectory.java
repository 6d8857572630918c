package io.coppice.pageserver.tenant;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.TenantId;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.common.id.TimelineId;
import io.coppice.common.platform.DurableFiles;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/**
 * The local directory of a page server, taken by one process.
 *
 * <pre>
 *  FORMAT                        "coppice-pageserver 1\n": what this is, and its version
 *  LOCK                          locked as long as a process uses the directory
 *  layers/&lt;tenant&gt;/&lt;timeline&gt;/   layer files: a cache
 * </pre>
 */
final class DataDirectory implements AutoCloseable {
  private static final String FORMAT_FILE = "FORMAT";
  private static final String LOCK_FILE = "LOCK";
  private static final String LAYERS = "layers";
  private static final String FORMAT_NAME = "coppice-pageserver";
  private static final String FORMAT = FORMAT_NAME + " 1\n";

  private final Path root;
  private final FileChannel lockChannel;

  private DataDirectory(Path root, FileChannel lockChannel) {
    this.root = root;
    this.lockChannel = lockChannel;
  }

  /**
   * Takes a directory, which is made if it is not there.
   *
   * @throws StorageException.Precondition if another process has it, it is of another version, or
   *     something else is in it
   */
  static DataDirectory open(Path root) throws StorageException {
    try {
      DurableFiles.createDirectories(root);
      FileChannel channel =
          FileChannel.open(
              root.resolve(LOCK_FILE), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
      try {
        lock(root, channel);
        checkFormat(root);
        DurableFiles.createDirectories(root.resolve(LAYERS));
        return new DataDirectory(root, channel);
      } catch (IOException | StorageException e) {
        channel.close();
        throw e;
      }
    } catch (IOException e) {
      throw new StorageException.Transient(
          "cannot use data directory %s: %s".formatted(root, e), e);
    }
  }

  private static void lock(Path root, FileChannel channel) throws StorageException, IOException {
    FileLock lock = null;
    try {
      lock = channel.tryLock();
    } catch (OverlappingFileLockException _) {
      // This process has it already.
    }
    if (lock == null) {
      throw new StorageException.Precondition(
          "data directory %s is in use by another page server".formatted(root));
    }
  }

  private static void checkFormat(Path root) throws StorageException, IOException {
    Path file = root.resolve(FORMAT_FILE);
    if (Files.exists(file)) {
      String found = Files.readString(file, StandardCharsets.ISO_8859_1);
      if (!found.equals(FORMAT)) {
        throw new StorageException.Precondition(
            "data directory %s is of another version: its %s says \"%s\", this program needs \"%s\""
                .formatted(root, FORMAT_FILE, shown(found), FORMAT.strip()));
      }
      return;
    }
    try (Stream<Path> entries = Files.list(root)) {
      if (entries.anyMatch(entry -> !entry.endsWith(LOCK_FILE) && !isTemporary(entry))) {
        throw new StorageException.Precondition(
            "%s is not empty and is no data directory of a page server (it has no %s)"
                .formatted(root, FORMAT_FILE));
      }
    }
    DurableFiles.replace(file, FORMAT.getBytes(StandardCharsets.US_ASCII));
  }

  private static boolean isTemporary(Path entry) {
    return entry.getFileName().toString().startsWith(FORMAT_FILE);
  }

  private static String shown(String text) {
    return text.substring(0, Math.min(text.length(), 60)).strip();
  }

  Path layers() {
    return root.resolve(LAYERS);
  }

  /** The timelines that have a directory here. */
  List<TenantTimelineId> timelines() throws StorageException {
    List<TenantTimelineId> found = new ArrayList<>();
    try {
      for (Path tenant : list(layers())) {
        for (Path timeline : list(tenant)) {
          found.add(
              new TenantTimelineId(
                  TenantId.parse(tenant.getFileName().toString()),
                  TimelineId.parse(timeline.getFileName().toString())));
        }
      }
    } catch (IOException e) {
      throw new StorageException.Transient("cannot list " + layers() + ": " + e, e);
    } catch (IllegalArgumentException e) {
      throw new StorageException.Precondition(
          "%s has a directory that is not a page server's: %s".formatted(layers(), e.getMessage()));
    }
    return found;
  }

  private static List<Path> list(Path directory) throws IOException {
    try (Stream<Path> entries = Files.list(directory)) {
      return entries.filter(Files::isDirectory).toList();
    } catch (NoSuchFileException _) {
      return List.of();
    }
  }

  @Override
  public void close() {
    try {
      lockChannel.close();
    } catch (IOException _) {
      // The lock goes with the process at the latest.
    }
  }
}
