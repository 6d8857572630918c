package io.coppice.common.objectstore;

import io.coppice.common.error.StorageException;
import io.coppice.common.platform.DurableFiles;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.random.RandomGenerator;
import java.util.stream.Stream;

/**
 * Objects as files in a directory, the name being the path. Several processes may share one.
 *
 * <p>An object is written, synced, under a name of its own in {@code .uploading}, then renamed, and
 * the directory synced, with the directories above it that are new. Files are taken over as hard
 * links where the file system allows it: they are immutable, so a copy would only cost space.
 */
public final class LocalObjectStore implements ObjectStore {
  private static final String UPLOADING = ".uploading";

  private final Path root;
  private final RandomGenerator random;
  private final DirectoryNames directories;

  private LocalObjectStore(Path root, RandomGenerator random) {
    this.root = root;
    this.random = random;
    this.directories = new DirectoryNames(root, DurableFiles::syncDirectory);
  }

  /**
   * Opens the store in a directory, which is made if it is missing.
   *
   * @param random names temporary files; of two processes it must not give the same
   */
  public static LocalObjectStore open(Path root, RandomGenerator random) throws StorageException {
    try {
      DurableFiles.createDirectories(root.resolve(UPLOADING));
    } catch (IOException e) {
      throw failed("opening", root.toString(), e);
    }
    return new LocalObjectStore(root, random);
  }

  @Override
  public void put(String name, byte[] contents) throws StorageException {
    Path target = path(name);
    ObjectStore.checkMemorySize(name, contents.length);
    try {
      // Before the contents, whose sync then writes the file system's journal for both.
      directories.make(parentOf(target));
      publish(written(contents), target);
    } catch (IOException e) {
      throw failed("writing", name, e);
    }
  }

  @Override
  public boolean putIfAbsent(String name, byte[] contents) throws StorageException {
    Path target = path(name);
    ObjectStore.checkMemorySize(name, contents.length);
    try {
      Path directory = parentOf(target);
      directories.make(directory);
      Path temporary = written(contents);
      try {
        Files.createLink(target, temporary);
        directories.sync(directory);
        return true;
      } catch (FileAlreadyExistsException _) {
        return false;
      } finally {
        Files.deleteIfExists(temporary);
      }
    } catch (IOException | UnsupportedOperationException e) {
      throw failed("writing", name, e);
    }
  }

  @Override
  public void putFile(String name, Path file) throws StorageException {
    Path target = path(name);
    Path temporary = temporary();
    try {
      directories.make(parentOf(target));
      linkOrCopy(file, temporary);
      DurableFiles.syncFile(temporary);
      publish(temporary, target);
    } catch (IOException e) {
      throw failed("writing", name, e);
    } finally {
      // Renaming one link of a file onto another of the same file leaves both.
      deleteQuietly(temporary);
    }
  }

  @Override
  public Optional<byte[]> get(String name) throws StorageException {
    Path file = path(name);
    try {
      ObjectStore.checkMemorySize(name, Files.size(file));
      return Optional.of(Files.readAllBytes(file));
    } catch (NoSuchFileException _) {
      return Optional.empty();
    } catch (IOException e) {
      throw failed("reading", name, e);
    }
  }

  @Override
  public void getToFile(String name, Path file) throws StorageException {
    try {
      linkOrCopy(path(name), file);
    } catch (NoSuchFileException e) {
      throw new StorageException.NotFound(
          "no object %s in %s: %s".formatted(name, root, e.getMessage()));
    } catch (IOException e) {
      deleteQuietly(file);
      throw failed("reading", name, e);
    }
  }

  /** A link that is made later than the file counts, where the file system tells of it. */
  @Override
  public Optional<Instant> writtenAt(String name) throws StorageException {
    Path file = path(name);
    try {
      Instant written = Files.getLastModifiedTime(file).toInstant();
      if (!file.getFileSystem().supportedFileAttributeViews().contains("unix")) {
        return Optional.of(written);
      }
      Instant linked = ((FileTime) Files.getAttribute(file, "unix:ctime")).toInstant();
      return Optional.of(linked.isAfter(written) ? linked : written);
    } catch (NoSuchFileException _) {
      return Optional.empty();
    } catch (IOException e) {
      throw failed("reading", name, e);
    }
  }

  @Override
  public List<ObjectInfo> list(String prefix) throws StorageException {
    ObjectNames.checkPrefix(prefix);
    Path directory = directoryOf(prefix);
    List<ObjectInfo> found = new ArrayList<>();
    try {
      Files.walkFileTree(
          directory,
          new SimpleFileVisitor<>() {
            @Override
            public FileVisitResult preVisitDirectory(Path at, BasicFileAttributes attributes) {
              return at.endsWith(UPLOADING)
                  ? FileVisitResult.SKIP_SUBTREE
                  : FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) {
              String name = root.relativize(file).toString();
              if (name.startsWith(prefix)) {
                found.add(new ObjectInfo(name, attributes.size()));
              }
              return FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult visitFileFailed(Path file, IOException e) throws IOException {
              if (e instanceof NoSuchFileException) {
                return FileVisitResult.CONTINUE;
              }
              throw e;
            }
          });
    } catch (IOException e) {
      throw failed("listing", prefix, e);
    }
    found.sort(Comparator.comparing(ObjectInfo::name));
    return found;
  }

  @Override
  public List<String> listDirectories(String prefix) throws StorageException {
    ObjectNames.checkDirectory(prefix);
    List<String> found = new ArrayList<>();
    try (Stream<Path> entries = Files.list(directoryOf(prefix))) {
      for (Path entry : (Iterable<Path>) entries::iterator) {
        // A directory that lost its last object is still there, but holds nothing.
        if (!entry.endsWith(UPLOADING) && Files.isDirectory(entry) && holdsFiles(entry)) {
          found.add(entry.getFileName().toString());
        }
      }
    } catch (NoSuchFileException _) {
      return List.of();
    } catch (IOException e) {
      throw failed("listing", prefix, e);
    }
    found.sort(Comparator.naturalOrder());
    return found;
  }

  @Override
  public void delete(String name) throws StorageException {
    try {
      DurableFiles.deleteDurably(path(name));
    } catch (IOException e) {
      throw failed("deleting", name, e);
    }
  }

  private static boolean holdsFiles(Path directory) throws IOException {
    try (Stream<Path> below = Files.walk(directory)) {
      return below.anyMatch(Files::isRegularFile);
    }
  }

  private Path path(String name) {
    ObjectNames.checkName(name);
    return root.resolve(name);
  }

  private Path directoryOf(String prefix) {
    int slash = prefix.lastIndexOf('/');
    return slash < 0 ? root : root.resolve(prefix.substring(0, slash));
  }

  private Path temporary() {
    return root.resolve(UPLOADING)
        .resolve("%016x%016x".formatted(random.nextLong(), random.nextLong()));
  }

  private Path written(byte[] contents) throws IOException {
    Path temporary = temporary();
    try (FileChannel channel =
        FileChannel.open(temporary, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
      ByteBuffer buffer = ByteBuffer.wrap(contents);
      while (buffer.hasRemaining()) {
        channel.write(buffer);
      }
      channel.force(true);
    } catch (IOException e) {
      deleteQuietly(temporary);
      throw e;
    }
    return temporary;
  }

  private void publish(Path temporary, Path target) throws IOException {
    try {
      Files.move(
          temporary, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
      directories.sync(parentOf(target));
    } catch (IOException e) {
      deleteQuietly(temporary);
      throw e;
    }
  }

  private static void linkOrCopy(Path from, Path to) throws IOException {
    try {
      Files.createLink(to, from);
    } catch (NoSuchFileException | FileAlreadyExistsException e) {
      throw e;
    } catch (IOException | UnsupportedOperationException _) {
      // Another file system, or one without links.
      Files.copy(from, to, StandardCopyOption.COPY_ATTRIBUTES);
    }
  }

  private static Path parentOf(Path target) {
    Path parent = target.getParent();
    if (parent == null) {
      throw new IllegalArgumentException("has no parent directory: " + target);
    }
    return parent;
  }

  private static void deleteQuietly(Path file) {
    try {
      Files.deleteIfExists(file);
    } catch (IOException _) {
      // It has no name that anyone reads, and is only space.
    }
  }

  private static StorageException failed(String doing, String name, Exception e) {
    return new StorageException.Transient(
        "object store: %s %s failed: %s".formatted(doing, name, e), e);
  }
}
