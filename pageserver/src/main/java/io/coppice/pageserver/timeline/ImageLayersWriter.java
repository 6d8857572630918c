package io.coppice.pageserver.timeline;

import io.coppice.common.error.Invariant;
import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.key.Key;
import io.coppice.pageserver.layer.LayerDescriptor;
import io.coppice.pageserver.layer.LayerKind;
import io.coppice.pageserver.layer.LayerName;
import io.coppice.pageserver.layer.SstLayerWriter;
import io.coppice.pageserver.remote.LayerCache;
import io.coppice.pageserver.remote.TimelineIndex;
import io.coppice.postgres.redo.StoredValues;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * An import: image layers, cut by size, that together cover all keys, so that a key that none of
 * them has is known not to exist. Files are uploaded as they are done; what was uploaded by an
 * import that failed is not in any index, and is garbage.
 */
public final class ImageLayersWriter implements ImageImport {
  private static final Logger log = LoggerFactory.getLogger(ImageLayersWriter.class);
  private static final int LEVEL = 1;

  /** What becomes of the import when it is finished. */
  @FunctionalInterface
  public interface Completion {
    /** Makes the timeline of that index, whose layers are uploaded, visible. */
    Timeline complete(TimelineIndex index) throws StorageException;
  }

  private final TimelineEnvironment environment;
  private final TimelineIndex index;
  private final Completion completion;
  private final Runnable abandoned;
  private final LayerCache cache;
  private final List<LayerDescriptor> layers = new ArrayList<>();

  private @Nullable SstLayerWriter file;
  private Path temporary = Path.of("");
  private Key fileFrom = Key.MIN;
  private @Nullable Key last;
  private boolean ended;

  /**
   * Begins an import.
   *
   * @param index of the timeline, without layers
   * @param abandoned called if it is closed unfinished
   */
  public ImageLayersWriter(
      TimelineEnvironment environment,
      TimelineIndex index,
      Completion completion,
      Runnable abandoned) {
    this.environment = environment;
    this.index = index;
    this.completion = completion;
    this.abandoned = abandoned;
    this.cache =
        new LayerCache(
            environment.remote(),
            index.id(),
            LayerCache.directory(environment.layersDirectory(), index.id()));
  }

  private Lsn lsn() {
    return index.startLsn();
  }

  @Override
  public void put(Key key, byte[] value, int offset, int length) throws StorageException {
    Invariant.check(!ended, "put into an import that has ended");
    Invariant.check(
        last == null || last.compareTo(key) < 0, "imported key %s does not follow %s", key, last);
    Invariant.check(
        StoredValues.isComplete(value, offset, length), "imported key %s is no image", key);
    SstLayerWriter writing = file;
    if (writing != null
        && writing.valueBytes() >= environment.limits().imageLayerSizeBytesTarget()) {
      cut(writing, key);
      writing = null;
    }
    if (writing == null) {
      temporary = cache.temporary("import-" + layers.size());
      writing = SstLayerWriter.create(environment.layers(), LayerKind.IMAGE, LEVEL, temporary);
      file = writing;
    }
    writing.put(key, lsn().value(), value, offset, length);
    last = key;
  }

  private void cut(SstLayerWriter writing, Key toExclusive) throws StorageException {
    LayerName name =
        LayerName.image(fileFrom, toExclusive, lsn(), environment.remote().generation());
    layers.add(writing.finish(index.id(), name));
    writing.close();
    file = null;
    cache.publish(temporary, name);
    cache.upload(name);
    fileFrom = toExclusive;
  }

  @Override
  public Timeline finish() throws StorageException {
    Invariant.check(!ended, "an import was finished twice");
    SstLayerWriter writing = file;
    if (writing == null) {
      throw new StorageException.Invalid("nothing was imported into " + index.id());
    }
    cut(writing, Key.MAX);
    Timeline timeline = completion.complete(index.with().layers(layers).build());
    ended = true;
    return timeline;
  }

  @Override
  public void close() {
    if (ended) {
      return;
    }
    ended = true;
    if (file != null) {
      file.close();
      file = null;
    }
    try {
      cache.removeAll();
    } catch (StorageException e) {
      log.warn("an abandoned import leaves files: {}", e.getMessage());
    }
    abandoned.run();
  }
}
