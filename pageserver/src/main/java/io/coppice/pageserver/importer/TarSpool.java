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
import java.util.Map;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveInputStream;
import org.jspecify.annotations.Nullable;

/** Unpacks the files of a tar. They are numbered on disk: names from a tar never become paths. */
final class TarSpool {
  /** Files in one data directory. */
  private static final int FILES_MAX = 5_000_000;

  private static final int COPY_BYTES = 256 * 1024;

  private static final String TABLESPACES = DataDirectoryLayout.TABLESPACES_DIRECTORY + "/";

  private TarSpool() {}

  /** Unpacks into a directory; the path that each file had, and where it lies now. */
  static Map<String, Path> unpack(InputStream tar, Path directory)
      throws StorageException, IOException {
    Map<String, Path> files = new HashMap<>();
    byte[] buffer = new byte[COPY_BYTES];
    try (Source source = new Source(tar);
        TarArchiveInputStream entries = new TarArchiveInputStream(source)) {
      for (TarArchiveEntry entry = next(entries, source);
          entry != null;
          entry = next(entries, source)) {
        String name = relativeName(entry.getName());
        if (name.startsWith(TABLESPACES) && name.length() > TABLESPACES.length()) {
          throw new StorageException.Unsupported(
              "the data directory has a tablespace of its own (%s); only the default ones are kept"
                  .formatted(name));
        }
        if (entry.isDirectory()) {
          continue;
        }
        if (!entry.isFile()) {
          throw new StorageException.Unsupported(
              "%s in the tar is not an ordinary file".formatted(name));
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
    return files;
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
