package io.coppice.compute.archive;

import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Set;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveInputStream;
import org.apache.commons.compress.archivers.tar.TarConstants;

/**
 * Unpacks a tar while it arrives. Names that are absolute or climb out of the target, and kinds of
 * entries that have no business there, are refused: a tar comes from elsewhere.
 */
public final class TarUnpacker {
  /** More than any data directory has files. */
  static final long ENTRIES_MAX = 10_000_000;

  private static final int BUFFER_SIZE_BYTES = 256 * 1024;
  private static final Set<StandardOpenOption> CREATE =
      Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
  private static final Set<PosixFilePermission> PRIVATE_FILE =
      PosixFilePermissions.fromString("rw-------");
  private static final Set<PosixFilePermission> PRIVATE_DIRECTORY =
      PosixFilePermissions.fromString("rwx------");

  private enum Contents {
    DATA,
    PROGRAMS
  }

  private final Path target;
  private final Contents contents;
  private long filesTotal;
  private long sizeBytesTotal;

  private TarUnpacker(Path target, Contents contents) {
    this.target = target;
    this.contents = contents;
  }

  /** What came out of a tar. */
  public record Unpacked(long files, long sizeBytes) {}

  /**
   * Unpacks directories and files that only their owner may read, as Postgres wants its data;
   * anything else is refused. Reads the stream to its end.
   *
   * @param target an existing directory; becomes private too
   */
  public static Unpacked unpackData(InputStream in, Path target) throws IOException {
    Files.setPosixFilePermissions(target, PRIVATE_DIRECTORY);
    return new TarUnpacker(target, Contents.DATA).unpack(in);
  }

  /**
   * Unpacks programs: modes as archived, readable for all, with symbolic links that stay inside.
   */
  public static Unpacked unpackPrograms(InputStream in, Path target) throws IOException {
    return new TarUnpacker(target, Contents.PROGRAMS).unpack(in);
  }

  private Unpacked unpack(InputStream in) throws IOException {
    BufferedInputStream buffered = new BufferedInputStream(in, BUFFER_SIZE_BYTES);
    TarArchiveInputStream tar = new TarArchiveInputStream(buffered, "UTF-8");
    byte[] buffer = new byte[BUFFER_SIZE_BYTES];
    long entries = 0;
    for (TarArchiveEntry entry = tar.getNextEntry(); entry != null; entry = tar.getNextEntry()) {
      if (++entries > ENTRIES_MAX) {
        throw new IOException("tar has more than %d entries".formatted(ENTRIES_MAX));
      }
      unpackEntry(tar, entry, buffer);
    }
    // What follows the last entry must arrive too: only the end of the stream says that the sender
    // did not fail.
    buffered.transferTo(OutputStream.nullOutputStream());
    return new Unpacked(filesTotal, sizeBytesTotal);
  }

  private void unpackEntry(TarArchiveInputStream tar, TarArchiveEntry entry, byte[] buffer)
      throws IOException {
    Path path = resolve(entry.getName());
    if (entry.isDirectory()) {
      createDirectories(path);
    } else if (entry.isSymbolicLink() && contents == Contents.PROGRAMS) {
      createLink(path, entry.getLinkName());
    } else if (isRegularFile(entry)) {
      createParent(path);
      writeFile(tar, entry, path, buffer);
    } else {
      throw new IOException(
          "tar entry \"%s\" is of a kind that is refused here".formatted(entry.getName()));
    }
  }

  /** {@link TarArchiveEntry#isFile} holds for devices too. */
  private static boolean isRegularFile(TarArchiveEntry entry) {
    return (entry.getLinkFlag() == TarConstants.LF_NORMAL
            || entry.getLinkFlag() == TarConstants.LF_OLDNORM)
        && !entry.isSparse();
  }

  private Path resolve(String name) throws IOException {
    try {
      Path relative = Path.of(name).normalize();
      Path path = target.resolve(relative).normalize();
      if (name.isEmpty()
          || name.startsWith("/")
          || relative.startsWith("..")
          || !path.startsWith(target)) {
        throw new IOException("tar entry \"%s\" would leave its directory".formatted(name));
      }
      return path;
    } catch (InvalidPathException e) {
      throw new IOException("tar entry has a malformed name: " + e.getMessage(), e);
    }
  }

  private void createParent(Path path) throws IOException {
    Path parent = path.getParent();
    if (parent != null && !Files.isDirectory(parent)) {
      createDirectories(parent);
    }
  }

  private void createDirectories(Path path) throws IOException {
    switch (contents) {
      case DATA -> {
        var _ =
            Files.createDirectories(path, PosixFilePermissions.asFileAttribute(PRIVATE_DIRECTORY));
      }
      case PROGRAMS -> {
        Files.createDirectories(path);
        Files.setPosixFilePermissions(path, PosixFilePermissions.fromString("rwxr-xr-x"));
      }
    }
  }

  private void createLink(Path path, String linkName) throws IOException {
    createParent(path);
    Path destination = path.resolveSibling(linkName).normalize();
    if (linkName.startsWith("/") || !destination.startsWith(target)) {
      throw new IOException(
          "tar link \"%s\" -> \"%s\" would leave its directory"
              .formatted(target.relativize(path), linkName));
    }
    Files.createSymbolicLink(path, Path.of(linkName));
  }

  private void writeFile(TarArchiveInputStream tar, TarArchiveEntry entry, Path path, byte[] buffer)
      throws IOException {
    long written = 0;
    // Private from the first moment on, and with no call for it.
    try (FileChannel out =
        FileChannel.open(path, CREATE, PosixFilePermissions.asFileAttribute(PRIVATE_FILE))) {
      for (int count = tar.read(buffer); count >= 0; count = tar.read(buffer)) {
        ByteBuffer piece = ByteBuffer.wrap(buffer, 0, count);
        while (piece.hasRemaining()) {
          written += out.write(piece);
        }
      }
    }
    if (written != entry.getSize()) {
      throw new IOException(
          "tar entry \"%s\" has %d of %d bytes"
              .formatted(entry.getName(), written, entry.getSize()));
    }
    if (contents == Contents.PROGRAMS) {
      Files.setPosixFilePermissions(path, permissionsOfProgram(entry));
    }
    filesTotal++;
    sizeBytesTotal += written;
  }

  private static Set<PosixFilePermission> permissionsOfProgram(TarArchiveEntry entry) {
    boolean executable = (entry.getMode() & 0100) != 0;
    return PosixFilePermissions.fromString(executable ? "rwxr-xr-x" : "rw-r--r--");
  }
}
