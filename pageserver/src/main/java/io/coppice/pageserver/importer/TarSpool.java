package io.coppice.pageserver.importer;

import io.coppice.common.error.StorageException;
import io.coppice.postgres.datadir.DataDirectoryLayout;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveInputStream;
import org.apache.commons.compress.archivers.tar.TarConstants;
import org.jspecify.annotations.Nullable;

/** Unpacks the files of a tar. They are numbered on disk: names from a tar never become paths. */
final class TarSpool {
  /** Files in one data directory. */
  private static final int FILES_MAX = 5_000_000;

  /** Directories in all tablespaces of one data directory. */
  private static final int DIRECTORIES_MAX = 1_000_000;

  private static final int COPY_BYTES = 256 * 1024;

  private static final String TABLESPACES = DataDirectoryLayout.TABLESPACES_DIRECTORY + "/";

  private TarSpool() {}

  /**
   * What was in a tar.
   *
   * @param files the path that each had, and where it lies now
   * @param directories those of tablespaces; others say nothing that their files do not
   */
  record Spooled(Map<String, Path> files, Set<String> directories) {}

  /** Unpacks into a directory. */
  static Spooled unpack(InputStream tar, Path directory) throws StorageException, IOException {
    Map<String, Path> files = new HashMap<>();
    Set<String> directories = new HashSet<>();
    byte[] buffer = new byte[COPY_BYTES];
    try (Source source = new Source(tar);
        TarArchiveInputStream entries = new TarArchiveInputStream(source)) {
      for (TarArchiveEntry entry = next(entries, source);
          entry != null;
          entry = next(entries, source)) {
        String name = relativeName(entry.getName());
        if (entry.isDirectory()) {
          addDirectory(name, directories);
          continue;
        }
        if (!isRegularFile(entry)) {
          throw new StorageException.Unsupported(
              "%s in the tar is not an ordinary file; what links of tablespaces lead to must be in it"
                  .formatted(name));
        }
        Path target = directory.resolve(Integer.toString(files.size()));
        if (files.size() == FILES_MAX || files.put(name, target) != null) {
          throw new StorageException.Invalid(
              "the tar has %s twice, or more than %d files".formatted(name, FILES_MAX));
        }
        try (OutputStream out = Files.newOutputStream(target)) {
          for (int count = read(entries, source, buffer);
              count >= 0;
              count = read(entries, source, buffer)) {
            out.write(buffer, 0, count);
          }
        }
      }
    }
    return new Spooled(files, directories);
  }

  /** {@link TarArchiveEntry#isFile} holds for links too. */
  private static boolean isRegularFile(TarArchiveEntry entry) {
    return (entry.getLinkFlag() == TarConstants.LF_NORMAL
            || entry.getLinkFlag() == TarConstants.LF_OLDNORM)
        && !entry.isSparse();
  }

  private static void addDirectory(String name, Set<String> directories)
      throws StorageException.Invalid {
    if (name.startsWith(TABLESPACES)
        && directories.add(name)
        && directories.size() > DIRECTORIES_MAX) {
      throw new StorageException.Invalid(
          "the tar has more than %d directories in %s".formatted(DIRECTORIES_MAX, TABLESPACES));
    }
  }

  private static @Nullable TarArchiveEntry next(TarArchiveInputStream entries, Source source)
      throws StorageException, IOException {
    try {
      return entries.getNextEntry();
    } catch (IOException e) {
      source.rethrowIfItFailed();
      throw damaged(e);
    }
  }

  private static int read(TarArchiveInputStream entries, Source source, byte[] buffer)
      throws StorageException, IOException {
    try {
      return entries.read(buffer);
    } catch (IOException e) {
      source.rethrowIfItFailed();
      throw damaged(e);
    }
  }

  /** Tells a tar that does not read from a stream that broke. */
  private static final class Source extends FilterInputStream {
    private @Nullable IOException failure;

    Source(InputStream in) {
      super(in);
    }

    void rethrowIfItFailed() throws IOException {
      if (failure != null) {
        throw failure;
      }
    }

    @Override
    public int read() throws IOException {
      try {
        return super.read();
      } catch (IOException e) {
        failure = e;
        throw e;
      }
    }

    @Override
    public int read(byte[] into, int offset, int length) throws IOException {
      try {
        return super.read(into, offset, length);
      } catch (IOException e) {
        failure = e;
        throw e;
      }
    }
  }

  private static StorageException.Invalid damaged(IOException cause) {
    return new StorageException.Invalid("the tar is damaged or torn: " + cause.getMessage());
  }

  /** Without what tar programs put in front. */
  private static String relativeName(String name) {
    String relative = name;
    while (relative.startsWith("./")) {
      relative = relative.substring(2);
    }
    return relative;
  }
}
