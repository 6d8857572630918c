package io.coppice.pageserver.timeline;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.key.Key;
import io.coppice.pageserver.layer.DeltaMerge;
import io.coppice.pageserver.layer.LayerHandle;
import io.coppice.pageserver.layer.LayerKind;
import io.coppice.pageserver.layer.LayerMap;
import io.coppice.pageserver.layer.LayerName;
import io.coppice.pageserver.layer.LayerSet;
import io.coppice.pageserver.remote.LayerCache;
import io.coppice.postgres.redo.StoredValues;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Writes layers of old history anew without what no read needs: where garbage collection cannot
 * drop a layer, because images have only some of its keys, those keys are left out of it.
 *
 * <p>A version is needed by the first LSN at or after it at which the timeline must be readable,
 * unless something complete lies between the two: a newer version that needs nothing older, or an
 * image. A layer is looked at only if all its versions are needed by one and the same LSN, behind
 * its end.
 */
final class HistoryRewrite {
  private static final Logger log = LoggerFactory.getLogger(HistoryRewrite.class);

  private final Timeline timeline;
  private final TimelineEnvironment environment;
  private final LayerCache cache;
  private final TimelineLayers layers;
  private final LayerReplacement replacement;
  private final byte[] kind = new byte[1];

  HistoryRewrite(
      Timeline timeline,
      TimelineEnvironment environment,
      LayerCache cache,
      TimelineLayers layers,
      LayerReplacement replacement) {
    this.timeline = timeline;
    this.environment = environment;
    this.cache = cache;
    this.layers = layers;
    this.replacement = replacement;
  }

  /** Rewrites layers that it makes smaller, at most so many; returns how many it did. */
  synchronized int run(NeededLsns needed, int layersMax, Precaution beforeFirst)
      throws StorageException {
    int count = 0;
    LayerSet set = layers.acquireFiles();
    try {
      for (LayerHandle layer : set.files().layers()) {
        LayerName name = layer.descriptor().name();
        if (count == layersMax) {
          break;
        }
        if (layer.descriptor().level() == 0 || name.kind() != LayerKind.DELTA) {
          continue;
        }
        Optional<Lsn> reader = needed.firstAtOrAfter(name.lsnFrom());
        if (reader.isPresent() && hasNeedlessKeys(set.files(), layer, reader.get())) {
          if (count == 0) {
            beforeFirst.take();
          }
          rewrite(set.files(), layer, reader.get());
          count++;
        }
      }
      return count;
    } finally {
      set.release();
    }
  }

  /**
   * Whether the layer has keys in a column whose image makes them needless: one as of its end or
   * after it, which the reader finds. So the reader is behind its end, too.
   */
  private static boolean hasNeedlessKeys(LayerMap map, LayerHandle layer, Lsn reader)
      throws StorageException {
    LayerName name = layer.descriptor().name();
    Key from = name.keyFrom();
    while (from.compareTo(name.keyTo()) < 0) {
      Key border = map.borderAfter(from);
      Key to = border == null ? name.keyTo() : border;
      if (map.newestImageLsn(from, reader).isAtOrAfter(name.lsnTo().plus(-1))
          && layer.hasKeyIn(from, to)) {
        return true;
      }
      from = to;
    }
    return false;
  }

  private void rewrite(LayerMap map, LayerHandle layer, Lsn reader) throws StorageException {
    LayerName name = layer.descriptor().name();
    NewLayers made = new NewLayers(environment, cache, timeline.id());
    long kept = 0;
    long dropped = 0;
    try (DeltaMerge versions = DeltaMerge.of(List.of(layer));
        DeltaOutput output =
            new DeltaOutput(
                made,
                map,
                name.lsnFrom(),
                name.lsnTo(),
                environment.limits().upkeep().deltaLayerSizeBytesTarget())) {
      // Whether the versions of the key from here on are hidden by something complete.
      boolean hidden = false;
      Lsn image = Lsn.INVALID;
      boolean begun = false;
      while (versions.next()) {
        if (!versions.isSameKey()) {
          layers.checkNotClosed();
          image = map.newestImageLsn(versions.key(), reader);
          hidden = false;
          begun = false;
        }
        if (hidden || image.isAtOrAfter(new Lsn(versions.lsn()))) {
          dropped++;
          continue;
        }
        if (!begun) {
          output.beginKey(versions.key());
          begun = true;
        }
        ByteBuffer value = versions.value();
        hidden = isComplete(value);
        output.put(versions.lsn(), value);
        kept++;
      }
      output.finish();
      replacement.replace(List.of(name), made.complete());
      log.info(
          "rewrote layer {} of {} for reads at {}: {} versions kept, {} dropped",
          name,
          timeline.id(),
          reader,
          kept,
          dropped);
    } catch (StorageException e) {
      replacement.abandon(made.names());
      throw e;
    }
  }

  private boolean isComplete(ByteBuffer value) {
    if (value.hasRemaining()) {
      kind[0] = value.get(value.position());
    }
    return StoredValues.isComplete(kind, 0, Math.min(1, value.remaining()));
  }
}
