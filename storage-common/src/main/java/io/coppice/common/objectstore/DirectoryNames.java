package io.coppice.common.objectstore;

import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Directories that objects get, whose own names become durable only when the object does. To sync
 * the name of a new directory together with what is put into it costs one write of the file
 * system's journal less than to sync it first. Thread safe: who finds a directory that another
 * thread has just made syncs its name, too.
 */
final class DirectoryNames {
  private final Path root;
  private final Syncing syncing;
  private final Set<Path> unsynced = ConcurrentHashMap.newKeySet();

  /** Makes the entries of a directory durable. */
  @FunctionalInterface
  interface Syncing {
    void sync(Path directory) throws IOException;
  }

  /** Of directories below {@code root}, which is there and durable. */
  DirectoryNames(Path root, Syncing syncing) {
    this.root = root;
    this.syncing = syncing;
  }

  /** Makes a directory and those above it, not durably. */
  void make(Path directory) throws IOException {
    List<Path> missing = new ArrayList<>();
    for (Path at = directory; !Files.isDirectory(at); at = parentOf(at)) {
      missing.add(at);
    }
    for (Path at : missing.reversed()) {
      unsynced.add(at);
      try {
        Files.createDirectory(at);
      } catch (FileAlreadyExistsException e) {
        if (!Files.isDirectory(at)) {
          unsynced.remove(at);
          throw e;
        }
      }
    }
  }

  /** Makes the entries of a directory durable, and its name and those of the ones above it. */
  void sync(Path directory) throws IOException {
    syncing.sync(directory);
    for (Path at = directory; !at.equals(root); at = parentOf(at)) {
      if (unsynced.contains(at)) {
        syncing.sync(parentOf(at));
        unsynced.remove(at);
      }
    }
  }

  private static Path parentOf(Path path) {
    Path parent = path.getParent();
    if (parent == null) {
      throw new IllegalArgumentException("has no parent directory: " + path);
    }
    return parent;
  }
}
