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

  /** Takes the caller's reference, and gives one to the same without what is in memory. */
  public LayerSet toFilesAlone() {
    LayerSet filesAlone = new LayerSet(List.of(), files);
    release();
    return filesAlone;
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
   * Adds to each read's versions those of its key at or before an LSN, newest first, up to a
   * complete one. A layer is looked into for all keys before the next one is.
   *
   * @param reads in order of their keys; afterwards each says whether it has ended
   */
  public void collect(List<? extends KeyRead> reads, Lsn lsn, ReadContext context)
      throws StorageException {
    int from = 0;
    while (from < reads.size()) {
      int to = files.endOfColumn(reads, from);
      collectColumn(reads.subList(from, to), lsn, context);
      from = to;
    }
  }

  private void collectColumn(List<? extends KeyRead> reads, Lsn lsn, ReadContext context)
      throws StorageException {
    Key first = reads.getFirst().key();
    LayerHandle image = files.newestImage(first, lsn);
    Lsn imageLsn = image == null ? Lsn.INVALID : image.name().lsnFrom();
    for (KeyRead read : reads) {
      read.enter(imageLsn);
    }
    for (OpenLayer layer : memory) {
      for (KeyRead read : reads) {
        if (!read.versions().isComplete()) {
          context.collect(layer, read, lsn.value());
        }
      }
    }
    Lsn floor = lowestFloor(reads);
    if (floor.isBefore(lsn)) {
      files.visitDeltas(first, lsn, floor, delta -> collectDelta(delta, reads, lsn, context));
    }
    for (KeyRead read : reads) {
      if (read.leave() && image != null) {
        // An image has every key that existed: one that it lacks did not.
        context.collect(image, read, imageLsn.value(), imageLsn.value() - 1);
      }
    }
  }

  /** Returns whether some read needs older layers. */
  private static boolean collectDelta(
      LayerHandle delta, List<? extends KeyRead> reads, Lsn lsn, ReadContext context)
      throws StorageException {
    boolean goesOn = false;
    for (KeyRead read : reads) {
      if (!read.versions().isComplete() && LayerMap.isAbove(delta, read.floor())) {
        if (delta.name().covers(read.key())) {
          context.collect(delta, read, lsn.value(), read.floor());
        }
        goesOn |= !read.versions().isComplete();
      }
    }
    return goesOn;
  }

  /** Of those that need more; the largest LSN if none does. */
  private static Lsn lowestFloor(List<? extends KeyRead> reads) {
    long lowest = -1L;
    for (KeyRead read : reads) {
      if (!read.versions().isComplete() && Long.compareUnsigned(read.floor(), lowest) < 0) {
        lowest = read.floor();
      }
    }
    return new Lsn(lowest);
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
