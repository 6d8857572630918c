package io.coppice.compute.archive;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.List;
import java.util.stream.Stream;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveOutputStream;

/** Writes a directory as a tar whose names are relative to it. */
public final class TarPacker {
  private static final int DIRECTORY_MODE = 0040700;
  private static final int FILE_MODE = 0100600;

  private TarPacker() {}

  /**
   * Directories and regular files in the order of their names, a directory before what is in it.
   *
   * @throws IOException also for anything that is neither, such as the link of a tablespace
   */
  public static void pack(Path root, OutputStream out) throws IOException {
    TarArchiveOutputStream tar = new TarArchiveOutputStream(out, "UTF-8");
    tar.setLongFileMode(TarArchiveOutputStream.LONGFILE_POSIX);
    tar.setBigNumberMode(TarArchiveOutputStream.BIGNUMBER_POSIX);
    packEntries(root, "", tar);
    tar.finish();
  }

  private static void packEntries(Path directory, String prefix, TarArchiveOutputStream tar)
      throws IOException {
    List<Path> children;
    try (Stream<Path> listed = Files.list(directory)) {
      children = listed.sorted().toList();
    }
    for (Path child : children) {
      String name = prefix + child.getFileName();
      BasicFileAttributes attributes =
          Files.readAttributes(child, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
      if (attributes.isDirectory()) {
        TarArchiveEntry entry = entry(name + "/", DIRECTORY_MODE, attributes);
        tar.putArchiveEntry(entry);
        tar.closeArchiveEntry();
        packEntries(child, name + "/", tar);
      } else if (attributes.isRegularFile()) {
        TarArchiveEntry entry = entry(name, FILE_MODE, attributes);
        entry.setSize(attributes.size());
        tar.putArchiveEntry(entry);
        Files.copy(child, tar);
        tar.closeArchiveEntry();
      } else {
        throw new IOException("neither a file nor a directory: " + child);
      }
    }
  }

  private static TarArchiveEntry entry(String name, int mode, BasicFileAttributes attributes) {
    TarArchiveEntry entry = new TarArchiveEntry(name);
    entry.setMode(mode);
    entry.setModTime(attributes.lastModifiedTime());
    return entry;
  }
}
