package io.coppice.common.platform;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;

/**
 * Files that are there, whole, after a loss of power: contents are synced before the name appears,
 * and the directory after.
 */
public final class DurableFiles {
  private static final String TEMPORARY_SUFFIX = ".tmp";

  private DurableFiles() {}

  /**
   * Replaces a file at once: afterwards it holds the old bytes or the new ones, never a mix. The
   * temporary file beside it ends in {@code .tmp} and may be left by a crash.
   */
  public static void replace(Path file, byte[] contents) throws IOException {
    Path temporary = temporaryOf(file);
    write(temporary, contents);
    renameDurably(temporary, file);
  }

  /** The file that {@link #replace} makes first. */
  public static Path temporaryOf(Path file) {
    return file.resolveSibling(file.getFileName() + TEMPORARY_SUFFIX);
  }

  /** Writes a file and syncs its contents; the directory it is in is not synced. */
  public static void write(Path file, byte[] contents) throws IOException {
    try (FileChannel channel =
        FileChannel.open(
            file,
            StandardOpenOption.CREATE,
            StandardOpenOption.TRUNCATE_EXISTING,
            StandardOpenOption.WRITE)) {
      ByteBuffer buffer = ByteBuffer.wrap(contents);
      while (buffer.hasRemaining()) {
        channel.write(buffer);
      }
      channel.force(true);
    }
  }

  /**
   * Renames within one directory, over an existing file if there is one, and syncs the directory.
   */
  public static void renameDurably(Path from, Path to) throws IOException {
    Files.move(from, to, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    syncDirectory(parentOf(to));
  }

  /** Deletes a file, if it is there, and syncs the directory. */
  public static void deleteDurably(Path file) throws IOException {
    if (Files.deleteIfExists(file)) {
      syncDirectory(parentOf(file));
    }
  }

  /** Creates a directory with those above it, and syncs every one that gained an entry. */
  public static void createDirectories(Path directory) throws IOException {
    Path absolute = directory.toAbsolutePath();
    if (Files.isDirectory(absolute)) {
      return;
    }
    Path parent = parentOf(absolute);
    createDirectories(parent);
    Files.createDirectories(absolute);
    syncDirectory(parent);
  }

  /** Makes the entries of a directory durable. */
  public static void syncDirectory(Path directory) throws IOException {
    try (FileChannel channel = FileChannel.open(directory, StandardOpenOption.READ)) {
      channel.force(true);
    }
  }

  /**
   * Makes a directory's own name durable, and those of the directories above it: whoever made them
   * may have ended before it synced them. What may not be read was made by somebody else.
   */
  public static void syncPathTo(Path directory) throws IOException {
    Path above = directory.toAbsolutePath().getParent();
    while (above != null) {
      try {
        syncDirectory(above);
      } catch (AccessDeniedException notOurs) {
        return;
      }
      above = above.getParent();
    }
  }

  /** Makes a file's contents durable. */
  public static void syncFile(Path file) throws IOException {
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
      channel.force(true);
    }
  }

  private static Path parentOf(Path path) {
    Path parent = path.toAbsolutePath().getParent();
    if (parent == null) {
      throw new IllegalArgumentException("has no parent directory: " + path);
    }
    return parent;
  }
}
