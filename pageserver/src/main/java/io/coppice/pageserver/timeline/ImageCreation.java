package io.coppice.pageserver.timeline;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.common.key.Key;
import io.coppice.pageserver.layer.DeltaMerge;
import io.coppice.pageserver.layer.LayerHandle;
import io.coppice.pageserver.layer.LayerSet;
import io.coppice.pageserver.remote.LayerCache;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Writes image layers where deltas pile up, so that a read finds a whole page after a few of them.
 * The images are of the end of level 1: all that is newer is few layers, and not compacted yet.
 * Values are made as any read makes them.
 *
 * <p>A page that cannot be made, because it is damaged or a record of it is not understood, is left
 * out, and no image covers it: its reads go on to say what is wrong with it.
 */
final class ImageCreation {
  private static final Logger log = LoggerFactory.getLogger(ImageCreation.class);
  private static final int BATCH_KEYS = 256;
  private static final int LAYERS_AT_ONCE_MAX = 8;
  private static final int LEFT_OUT_MAX = 100;

  private final Timeline timeline;
  private final TimelineEnvironment environment;
  private final LayerCache cache;
  private final TimelineLayers layers;
  private final LayerReplacement replacement;

  // The end of level 1 that there is nothing left to do for.
  private volatile Lsn doneTo = Lsn.INVALID;
  // Ranges that could not be read, until level 1 has grown.
  private final Set<Key> skipped = new HashSet<>();
  private Lsn skippedAt = Lsn.INVALID;

  ImageCreation(
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

  boolean isDue() {
    return layers.level1End().isAfter(doneTo);
  }

  /** Writes some image layers that are needed. */
  void run() throws StorageException {
    Lsn end = layers.level1End();
    Lsn lsn = end.plus(-1);
    if (!end.equals(skippedAt)) {
      skipped.clear();
      skippedAt = end;
    }
    if (lsn.isBefore(timeline.readableFrom())) {
      // What such images would be made of may have been collected.
      doneTo = end;
      return;
    }
    NewLayers made = new NewLayers(environment, cache, timeline.id());
    try (Traversal traversal = new Traversal(timeline, lsn)) {
      List<Traversal.Stop> path = traversal.toRoot();
      checkInFiles(path);
      traversal.keepFilesAlone();
      List<ImageRanges.Range> ranges =
          ImageRanges.of(
              path.stream().map(Traversal.Stop::layers).toList(),
              lsn,
              environment.limits().upkeep().imageCreationThreshold());
      boolean isAll = true;
      for (ImageRanges.Range range : ranges) {
        if (made.complete().size() >= LAYERS_AT_ONCE_MAX) {
          isAll = false;
          break;
        }
        if (!skipped.contains(range.from())) {
          isAll &= cover(range, lsn, path, made);
        }
      }
      if (!made.complete().isEmpty()) {
        replacement.replace(List.of(), made.complete());
        environment.metrics().madeImages(made.complete().size());
        log.info("made {} image layers of {} at {}", made.complete().size(), timeline.id(), lsn);
      }
      if (isAll) {
        doneTo = end;
      }
    } catch (StorageException e) {
      replacement.abandon(made.names());
      throw e;
    }
  }

  /**
   * Keys are looked for in files, so all that the images are of must be there, of ancestors too.
   */
  private static void checkInFiles(List<Traversal.Stop> path) throws StorageException {
    for (Traversal.Stop stop : path) {
      if (!stop.layers().isInFiles(stop.lsn())) {
        stop.timeline().requestFlush();
        throw new StorageException.Transient(
            "%s is not flushed up to %s yet".formatted(stop.timeline().id(), stop.lsn()));
      }
    }
  }

  /** Writes images of a range; returns whether they cover all of it that they can. */
  private boolean cover(ImageRanges.Range range, Lsn lsn, List<Traversal.Stop> path, NewLayers made)
      throws StorageException {
    TenantTimelineId id = timeline.id();
    List<LayerHandle> sources = new ArrayList<>();
    for (Traversal.Stop stop : path) {
      sources.addAll(stop.layers().filesIn(range.from(), range.to(), stop.lsn()));
    }
    LayerSet own = path.getFirst().layers();
    try (DeltaMerge keys = DeltaMerge.of(sources, range.from(), range.to());
        ImageOutput output =
            new ImageOutput(
                made,
                own.files(),
                range.from(),
                lsn,
                environment.limits().imageLayerSizeBytesTarget())) {
      Pages pages = new Pages(output, lsn);
      while (keys.next()) {
        if (!keys.isSameKey()) {
          pages.add(keys.key());
        }
        if (made.complete().size() >= LAYERS_AT_ONCE_MAX) {
          // The rest comes another time, and other timelines before it.
          pages.write();
          output.finish(pages.next(range.from()));
          return false;
        }
      }
      pages.write();
      output.finish(range.to());
      return true;
    } catch (StorageException.Corrupt | StorageException.Unsupported e) {
      log.warn(
          "no images of {} at {} for keys {} to {}: {}",
          id,
          lsn,
          range.from(),
          range.to(),
          e.getMessage());
      skipped.add(range.from());
      return true;
    }
  }

  /** Reads keys in batches and writes them; leaves out those that cannot be read. */
  private final class Pages {
    private final ImageOutput output;
    private final Lsn lsn;
    private final List<Key> batch = new ArrayList<>(BATCH_KEYS);
    private final List<byte @Nullable []> values = new ArrayList<>(BATCH_KEYS);
    private Key next = Key.MIN;
    private int leftOut;

    Pages(ImageOutput output, Lsn lsn) {
      this.output = output;
      this.lsn = lsn;
    }

    void add(Key key) throws StorageException {
      batch.add(key);
      if (batch.size() == BATCH_KEYS) {
        write();
      }
    }

    /** The key after the last one written, or the given one if there is none. */
    Key next(Key first) {
      return next.compareTo(first) > 0 ? next : first;
    }

    void write() throws StorageException {
      layers.checkNotClosed();
      int from = 0;
      while (from < batch.size()) {
        StorageException unreadable = read(batch.subList(from, batch.size()));
        // To write may mean to upload, which is not waited for with the readers' layers in hand.
        for (int i = 0; i < values.size(); i++) {
          byte[] value = values.get(i);
          if (value != null) {
            output.put(batch.get(from + i), value);
          }
        }
        from += values.size();
        if (unreadable != null) {
          leaveOut(batch.get(from), unreadable);
          from++;
        }
      }
      if (!batch.isEmpty()) {
        next = batch.getLast().next();
      }
      batch.clear();
    }

    /** Reads up to the first that cannot be read, and returns why not; null if all can. */
    private @Nullable StorageException read(List<Key> keys) throws StorageException {
      values.clear();
      try {
        timeline.reader().getPages(keys, lsn, (_, _, value) -> values.add(value));
        return null;
      } catch (StorageException.Corrupt | StorageException.Unsupported e) {
        return e;
      }
    }

    private void leaveOut(Key key, StorageException why) throws StorageException {
      if (++leftOut > LEFT_OUT_MAX) {
        throw why;
      }
      log.warn("no image of {} of {} at {}: {}", key, timeline.id(), lsn, why.getMessage());
      output.leaveOut(key);
    }
  }
}
