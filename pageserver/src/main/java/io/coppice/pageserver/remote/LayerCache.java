package io.coppice.pageserver.remote;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.common.platform.DurableFiles;
import io.coppice.pageserver.layer.FileChecksum;
import io.coppice.pageserver.layer.LayerDescriptor;
import io.coppice.pageserver.layer.LayerFiles;
import io.coppice.pageserver.layer.LayerName;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Collection;
import java.util.List;
import java.util.concurrent.locks.ReentrantLock;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The layer files of one timeline on this machine: a cache, whose files may go at any time, and are
 * got again from the object store. Thread safe; several who want the same file wait for one
 * download.
 */
public final class LayerCache implements LayerFiles {
  private static final Logger log = LoggerFactory.getLogger(LayerCache.class);
  private static final String TEMPORARY_SUFFIX = ".tmp";

  /** Who wants a file takes the lock that its name falls on; so there need not be one for each. */
  private static final ReentrantLock[] DOWNLOADS =
      Stream.generate(ReentrantLock::new).limit(64).toArray(ReentrantLock[]::new);

  private final RemoteStore remote;
  private final TenantTimelineId id;
  private final Path directory;

  /** The cache of a timeline, in a directory that need not be there. */
  public LayerCache(RemoteStore remote, TenantTimelineId id, Path directory) {
    this.remote = remote;
    this.id = id;
    this.directory = directory;
  }

  /** Where the files of a timeline are, below the directory of all of them. */
  public static Path directory(Path layersDirectory, TenantTimelineId id) {
    return layersDirectory.resolve(id.tenant().toString()).resolve(id.timeline().toString());
  }

  private Path path(LayerName layer) {
    return directory.resolve(layer.toString());
  }

  /** A name for a file that is being written; it is removed at the next start. */
  public Path temporary(String name) throws StorageException {
    try {
      DurableFiles.createDirectories(directory);
    } catch (IOException e) {
      throw failed(directory, e);
    }
    return directory.resolve(name + TEMPORARY_SUFFIX);
  }

  /** Gives a complete, synced file its name, durably. */
  public void publish(Path temporary, LayerName layer) throws StorageException {
    try {
      DurableFiles.renameDurably(temporary, path(layer));
    } catch (IOException e) {
      throw failed(path(layer), e);
    }
  }

  /** Stores a layer that is here in the object store. */
  public void upload(LayerName layer) throws StorageException {
    remote.upload(id, layer, path(layer));
  }

  @Override
  public boolean isResident(LayerDescriptor layer) {
    try {
      return Files.size(path(layer.name())) == layer.sizeBytes();
    } catch (IOException _) {
      return false;
    }
  }

  @Override
  public Path fetch(LayerDescriptor layer) throws StorageException {
    if (!isResident(layer)) {
      download(layer, false);
    }
    return path(layer.name());
  }

  @Override
  public Path fetchAgain(LayerDescriptor layer) throws StorageException {
    remote.metrics().replacing();
    download(layer, true);
    return path(layer.name());
  }

  @Override
  public void evict(LayerDescriptor layer) throws StorageException {
    remove(layer.name());
  }

  /** Downloads a file; of several who want it, one does, and the others wait. */
  private void download(LayerDescriptor layer, boolean evenIfHere) throws StorageException {
    int stripe = Math.floorMod(31 * id.hashCode() + layer.name().hashCode(), DOWNLOADS.length);
    ReentrantLock downloading = DOWNLOADS[stripe];
    downloading.lock();
    try {
      if (evenIfHere || !isResident(layer)) {
        downloadNow(layer);
      }
    } finally {
      downloading.unlock();
    }
  }

  /** Removes the file of a layer that is no longer part of the timeline, if it is here. */
  public void remove(LayerName layer) throws StorageException {
    try {
      Files.deleteIfExists(path(layer));
    } catch (IOException e) {
      throw failed(path(layer), e);
    }
  }

  private void downloadNow(LayerDescriptor layer) throws StorageException {
    Path temporary = temporary(layer.name().toString());
    try {
      Files.deleteIfExists(temporary);
      remote.download(id, layer, temporary);
      check(layer, temporary);
      DurableFiles.syncFile(temporary);
      DurableFiles.renameDurably(temporary, path(layer.name()));
      remote.metrics().downloaded();
      log.info("got layer {} of {}, {} bytes", layer, id, layer.sizeBytes());
    } catch (StorageException.Corrupt e) {
      remote.metrics().downloadWasDamaged();
      throw e;
    } catch (StorageException.Transient e) {
      remote.metrics().downloadFailed();
      throw e;
    } catch (StorageException.NotFound e) {
      remote.metrics().downloadFailed();
      throw new StorageException.Corrupt(
          "layer %s of %s is in the index, but not in the object store".formatted(layer, id), e);
    } catch (IOException e) {
      throw failed(temporary, e);
    } finally {
      deleteQuietly(temporary);
    }
  }

  private void check(LayerDescriptor layer, Path file) throws StorageException, IOException {
    long sizeBytes = Files.size(file);
    int crc32c = FileChecksum.crc32c(file);
    if (sizeBytes != layer.sizeBytes() || crc32c != layer.crc32c()) {
      throw new StorageException.Corrupt(
          "layer %s of %s as it is in the object store: %d bytes, CRC32C %08x; index: %d, %08x"
              .formatted(layer, id, sizeBytes, crc32c, layer.sizeBytes(), layer.crc32c()));
    }
  }

  /** Removes what is not a layer of the index: left by a crash, or by a start that was fenced. */
  public void removeUnknown(Collection<LayerDescriptor> known) throws StorageException {
    Collection<String> names =
        known.stream().map(layer -> layer.name().toString()).collect(Collectors.toSet());
    List<Path> unknown;
    try (Stream<Path> files = Files.list(directory)) {
      unknown = files.filter(file -> !names.contains(file.getFileName().toString())).toList();
    } catch (NoSuchFileException _) {
      return;
    } catch (IOException e) {
      throw failed(directory, e);
    }
    for (Path file : unknown) {
      log.info("removing {}, which is not in the index of {}", file, id);
      try {
        Files.deleteIfExists(file);
      } catch (IOException e) {
        throw failed(file, e);
      }
    }
  }

  /** Removes all files of the timeline. */
  public void removeAll() throws StorageException {
    removeUnknown(List.of());
    try {
      Files.deleteIfExists(directory);
    } catch (IOException e) {
      throw failed(directory, e);
    }
  }

  private static void deleteQuietly(Path file) {
    try {
      Files.deleteIfExists(file);
    } catch (IOException _) {
      // It is removed at the next start.
    }
  }

  private static StorageException failed(Path file, IOException e) {
    return new StorageException.Transient("cannot use %s: %s".formatted(file, e), e);
  }
}
