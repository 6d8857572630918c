package io.coppice.pageserver.layer;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.key.Key;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * All layers of a timeline at one moment. Immutable; a reader holds a reference to the whole set,
 * and the set one to each of its layers, so that none goes while it is read.
 */
public final class LayerSet extends RefCounted {
  private final List<OpenLayer> memory;
  private final LayerMap files;
  private final @Nullable LayerHandle anyFile;

  /** What was last found, in the lowest bit, and as of which version of residency. */
  private volatile long residency = -1;

  /**
   * A set, which takes references of its own.
   *
   * @param memory newest first
   */
  public LayerSet(List<OpenLayer> memory, LayerMap files) {
    this.memory = List.copyOf(memory);
    this.files = files;
    List<LayerHandle> all = files.layers();
    this.anyFile = all.isEmpty() ? null : all.getFirst();
    memory.forEach(RefCounted::retain);
    all.forEach(RefCounted::retain);
  }

  @Override
  protected void dispose() {
    memory.forEach(RefCounted::release);
    files.layers().forEach(RefCounted::release);
  }

  /** Newest first. */
  public List<OpenLayer> memory() {
    return memory;
  }

  public LayerMap files() {
    return files;
  }

  /**
   * Adds to the context's versions those of a key at or before an LSN, newest first, up to a
   * complete one.
   *
   * @return whether that is all there is: if not, ancestors have the rest
   */
  public boolean collect(Key key, Lsn lsn, ReadContext context) throws StorageException {
    VersionList versions = context.versions();
    LayerHandle image = files.newestImage(key, lsn);
    Lsn floor = image == null ? Lsn.INVALID : image.name().lsnFrom();
    for (OpenLayer layer : memory) {
      context.collect(layer, key, lsn.value(), floor.value());
      if (versions.isComplete()) {
        return true;
      }
    }
    files.visitDeltas(
        key,
        lsn,
        floor,
        delta -> {
          context.collect(delta, key, lsn.value(), floor.value());
          return !versions.isComplete();
        });
    if (image != null && !versions.isComplete()) {
      // An image has every key that existed: one that it lacks did not.
      context.collect(image, key, floor.value(), floor.value() - 1);
      return true;
    }
    return versions.isComplete();
  }

  /**
   * Whether a version of a key counts at an LSN: not if a newer image, which has all that existed,
   * covers the key.
   */
  public boolean isHiddenByImage(VersionedValue version, Lsn lsn) {
    LayerHandle image = files.newestImage(version.key(), lsn);
    return image != null && image.name().lsnFrom().isAfter(version.lsn());
  }

  /** What a scan of a sparse range as of an LSN must merge. The caller closes the sources. */
  public List<ScanSource> scan(Key from, Key toExclusive, Lsn lsn) throws StorageException {
    List<ScanSource> sources = new ArrayList<>();
    try {
      for (OpenLayer layer : memory) {
        sources.add(layer.scan(from, toExclusive, lsn.value()));
      }
      for (LayerHandle layer : files.overlapping(from, toExclusive, lsn)) {
        sources.add(layer.scan(from, toExclusive, lsn));
      }
      return sources;
    } catch (StorageException e) {
      sources.forEach(ScanSource::close);
      throw e;
    }
  }

  /** The files that together have all keys that a range has in files as of an LSN. */
  public List<LayerHandle> filesIn(Key from, Key toExclusive, Lsn lsn) {
    return files.overlapping(from, toExclusive, lsn);
  }

  /** Whether everything at or before an LSN is in files. */
  public boolean isInFiles(Lsn lsn) {
    return memory.stream().allMatch(layer -> layer.startLsn().isAtOrAfter(lsn));
  }

  /**
   * What a search for changes of a range after an LSN, up to another, must look into: layer files
   * that may have such, each as {@link #scan} of {@code upTo}. The caller closes the sources.
   *
   * @param hasImages whether images after the LSN are among them, since they stand for changes
   */
  public List<ScanSource> changes(Key from, Key toExclusive, Lsn after, Lsn upTo, boolean hasImages)
      throws StorageException {
    List<ScanSource> sources = new ArrayList<>();
    try {
      for (LayerHandle layer : files.layers()) {
        LayerName name = layer.name();
        if ((hasImages || name.kind() == LayerKind.DELTA)
            && name.overlaps(from, toExclusive)
            && name.lsnFrom().isAtOrBefore(upTo)
            && name.lsnTo().isAfter(after.plus(1))) {
          sources.add(layer.scan(from, toExclusive, upTo));
        }
      }
      return sources;
    } catch (StorageException e) {
      sources.forEach(ScanSource::close);
      throw e;
    }
  }

  /**
   * Whether all layers are on this machine. The answer is kept until a layer, of whatever timeline,
   * comes or goes.
   */
  public boolean isResident() {
    if (anyFile == null) {
      return true;
    }
    long asOf = anyFile.residencyVersion();
    long answered = residency;
    if (answered >>> 1 == asOf) {
      return (answered & 1) != 0;
    }
    boolean isResident = files.layers().stream().allMatch(LayerHandle::isResident);
    residency = asOf << 1 | (isResident ? 1 : 0);
    return isResident;
  }

  /** The layer that is written to, if there is one. */
  public @Nullable OpenLayer newest() {
    return memory.isEmpty() ? null : memory.getFirst();
  }

  @Override
  public String toString() {
    return "set of %d layers in memory".formatted(memory.size());
  }
}
