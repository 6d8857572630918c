package io.coppice.pageserver.remote;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.common.objectstore.ObjectInfo;
import io.coppice.common.objectstore.ObjectStore;
import io.coppice.pageserver.layer.FileChecksum;
import io.coppice.pageserver.layer.LayerDescriptor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/** Checks the objects of single layers, and puts those back that a page server's disk still has. */
public final class LayerObjects {
  private final ObjectStore store;
  private final boolean withChecksums;
  private final Path scratch;
  private final Optional<Path> repairFrom;

  /**
   * Of one store.
   *
   * @param withChecksums whether contents are read, or only sizes compared
   * @param scratch a directory for one layer at a time
   * @param repairFrom a page server's directory of layers; empty if nothing is to be repaired
   */
  public LayerObjects(
      ObjectStore store, boolean withChecksums, Path scratch, Optional<Path> repairFrom) {
    this.store = store;
    this.withChecksums = withChecksums;
    this.scratch = scratch;
    this.repairFrom = repairFrom;
  }

  /** What is wrong with an object; empty if nothing is. */
  Optional<String> check(String name, ObjectInfo object, LayerDescriptor layer)
      throws StorageException {
    if (object.sizeBytes() != layer.sizeBytes()) {
      return Optional.of(
          "has %d bytes; its index says %d".formatted(object.sizeBytes(), layer.sizeBytes()));
    }
    return withChecksums ? checkContents(name, layer) : Optional.empty();
  }

  private Optional<String> checkContents(String name, LayerDescriptor layer)
      throws StorageException {
    Path file = scratch.resolve(layer.name().toString());
    try {
      Files.deleteIfExists(file);
      store.getToFile(name, file);
      return problem(file, layer);
    } catch (StorageException.Corrupt e) {
      return Optional.of(String.valueOf(e.getMessage()));
    } catch (StorageException.NotFound _) {
      return Optional.of("was listed, but is not there");
    } catch (IOException e) {
      throw failed(file, e);
    } finally {
      deleteQuietly(file);
    }
  }

  private static Optional<String> problem(Path file, LayerDescriptor layer) throws IOException {
    long sizeBytes = Files.size(file);
    int crc32c = FileChecksum.crc32c(file);
    return sizeBytes == layer.sizeBytes() && crc32c == layer.crc32c()
        ? Optional.empty()
        : Optional.of(
            "has %d bytes with CRC32C %08x; its index says %d, %08x"
                .formatted(sizeBytes, crc32c, layer.sizeBytes(), layer.crc32c()));
  }

  /** Puts a layer back from the page server's disk, if it is whole there; whether it is right. */
  boolean repair(TenantTimelineId id, String name, LayerDescriptor layer) throws StorageException {
    if (repairFrom.isEmpty()) {
      return false;
    }
    Path local = StoreScrub.localFile(repairFrom.get(), id, layer.name());
    try {
      if (!Files.isRegularFile(local) || problem(local, layer).isPresent()) {
        return false;
      }
    } catch (IOException e) {
      throw failed(local, e);
    }
    store.putFile(name, local);
    return checkContents(name, layer).isEmpty();
  }

  private static StorageException failed(Path file, IOException e) {
    return new StorageException.Transient("cannot use %s: %s".formatted(file, e), e);
  }

  private static void deleteQuietly(Path file) {
    try {
      Files.deleteIfExists(file);
    } catch (IOException _) {
      // It is in a directory that goes at the end.
    }
  }
}
