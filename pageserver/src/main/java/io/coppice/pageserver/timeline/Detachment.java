package io.coppice.pageserver.timeline;

import io.coppice.common.error.Invariant;
import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.key.Key;
import io.coppice.pageserver.layer.DeltaMerge;
import io.coppice.pageserver.layer.LayerHandle;
import io.coppice.pageserver.layer.LayerMap;
import io.coppice.pageserver.layer.LayerSet;
import io.coppice.pageserver.remote.DurableIndex;
import io.coppice.pageserver.remote.LayerCache;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Takes a branch off its ancestors: all that it reads there, as of the point where it begins,
 * becomes images of its own, as an import would have made them. Then one write of its index takes
 * in the images and drops the ancestor. The branch may be read and written meanwhile.
 *
 * <p>Needs memory for a batch of pages and a block of each layer that has keys of one range. A page
 * that cannot be read ends it: without its ancestors the branch could not even say what is wrong
 * with that page. Closed before it is committed it has changed nothing. Not thread safe.
 */
public final class Detachment implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(Detachment.class);

  private final Timeline timeline;
  private final TimelineEnvironment environment;
  private final LayerReplacement replacement;
  private final NewLayers images;
  private final List<Key> batch = new ArrayList<>(BatchRead.KEYS_MAX);
  private boolean isComplete;
  private boolean isCommitted;

  Detachment(
      Timeline timeline,
      TimelineEnvironment environment,
      LayerCache cache,
      LayerReplacement replacement) {
    this.timeline = timeline;
    this.environment = environment;
    this.replacement = replacement;
    this.images = new NewLayers(environment, cache, timeline.id());
  }

  private Lsn lsn() {
    return timeline.startLsn();
  }

  /**
   * Writes and uploads the images. Blocks, in proportion to the size of the database.
   *
   * @param flushMillis how long it may take an ancestor to write what is in memory: keys are looked
   *     for in files
   * @param pace waited for before each few pages
   */
  public void writeImages(long flushMillis, Pace pace)
      throws StorageException, InterruptedException {
    flushAncestors(flushMillis);
    try (ImageOutput output =
        new ImageOutput(
            images, borders(), Key.MIN, lsn(), environment.limits().imageLayerSizeBytesTarget())) {
      Key from = Key.MIN;
      while (from.compareTo(Key.MAX) < 0) {
        from = copyColumn(from, output, pace);
      }
      copyBatch(output, pace);
      output.finish(Key.MAX);
    }
    isComplete = true;
  }

  private void flushAncestors(long flushMillis) throws StorageException, InterruptedException {
    try (Traversal traversal = new Traversal(timeline, lsn())) {
      for (Traversal.Stop stop : traversal.toRoot()) {
        if (!stop.layers().isInFiles(stop.lsn())) {
          stop.timeline().flush(flushMillis);
        }
      }
    }
  }

  /** Where the branch's own layers have borders, which images are cut along. */
  private LayerMap borders() throws StorageException {
    LayerSet own = timeline.acquireLayers();
    try {
      return own.files();
    } finally {
      own.release();
    }
  }

  /**
   * Copies the keys from one on, up to the next at which some layer begins or ends, and returns
   * that. Layers are held no longer, so that those that are replaced meanwhile can go.
   */
  private Key copyColumn(Key from, ImageOutput output, Pace pace)
      throws StorageException, InterruptedException {
    try (Traversal traversal = new Traversal(timeline, lsn())) {
      List<Traversal.Stop> path = traversal.toRoot();
      traversal.keepFilesAlone();
      Key to = borderAfter(from, path);
      List<LayerHandle> sources = new ArrayList<>();
      for (Traversal.Stop stop : path) {
        sources.addAll(stop.layers().filesIn(from, to, stop.lsn()));
      }
      try (DeltaMerge keys = DeltaMerge.of(sources, from, to)) {
        while (keys.next()) {
          if (!keys.isSameKey()) {
            batch.add(keys.key());
          }
          if (batch.size() == BatchRead.KEYS_MAX) {
            copyBatch(output, pace);
          }
        }
      }
      return to;
    }
  }

  private static Key borderAfter(Key from, List<Traversal.Stop> path) {
    Key nearest = Key.MAX;
    for (Traversal.Stop stop : path) {
      Key border = stop.layers().files().borderAfter(from);
      if (border != null && border.compareTo(nearest) < 0) {
        nearest = border;
      }
    }
    return nearest;
  }

  private void copyBatch(ImageOutput output, Pace pace)
      throws StorageException, InterruptedException {
    pace.await();
    List<byte @Nullable []> values = new ArrayList<>(batch.size());
    timeline.reader().getInherited(batch, (_, _, value) -> values.add(value));
    for (int i = 0; i < values.size(); i++) {
      byte[] value = values.get(i);
      if (value != null) {
        output.put(batch.get(i), value);
      }
    }
    batch.clear();
  }

  /**
   * Makes the branch one without ancestors, durably. Garbage of these must not be collected
   * meanwhile: who reads them still must find it.
   *
   * @param condition refuses it, if the branch is not as it must be; gives the same index
   */
  public void commit(DurableIndex.Step condition) throws StorageException {
    Invariant.check(isComplete && !isCommitted, "images of %s are not complete", timeline.id());
    replacement.replace(
        List.of(), images.complete(), index -> condition.after(index).with().detached().build());
    isCommitted = true;
    timeline.endAncestry();
    log.info(
        "{} has {} image layers at {} in the place of its ancestors",
        timeline.id(),
        images.complete().size(),
        lsn());
  }

  @Override
  public void close() {
    if (!isCommitted) {
      replacement.abandon(images.names());
    }
  }
}
