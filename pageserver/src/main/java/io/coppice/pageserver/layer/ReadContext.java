package io.coppice.pageserver.layer;

import io.coppice.common.error.StorageException;
import io.coppice.common.key.Key;
import java.util.IdentityHashMap;
import org.jspecify.annotations.Nullable;

/**
 * What one reader needs and uses again: room for versions, and the cursors it has borrowed, kept
 * for the length of a batch. Not thread safe.
 */
public final class ReadContext {
  private final VersionList versions = new VersionList();
  private final EntryBuffers buffers = new EntryBuffers();
  private final IdentityHashMap<LayerHandle, SstCursor> cursors = new IdentityHashMap<>();

  private int layerCount;
  private @Nullable ReadTrace trace;

  /** Begins to read a key. */
  public void begin() {
    versions.clear();
    layerCount = 0;
  }

  /** Has what reads do written down from now on; null ends that. */
  public void setTrace(@Nullable ReadTrace newTrace) {
    trace = newTrace;
  }

  /** What is written down; null if nothing is. */
  public @Nullable ReadTrace trace() {
    return trace;
  }

  /** How many layers were looked into for the key. */
  public int layerCount() {
    return layerCount;
  }

  /** The versions found by the read under way. */
  public VersionList versions() {
    return versions;
  }

  /** Adds to the versions those of a key that a layer in memory has. */
  void collect(OpenLayer layer, Key key, long lsn, long floor) throws StorageException {
    layerCount++;
    ReadTrace tracing = trace;
    if (tracing == null) {
      layer.collect(key, lsn, floor, versions);
      return;
    }
    long startNanos = tracing.nanos();
    int before = versions.count();
    layer.collect(key, lsn, floor, versions);
    tracing.visited(layer.toString(), true, versions.count() - before, startNanos);
  }

  /** Adds to the versions those of a key that a file has. */
  void collect(LayerHandle handle, Key key, long lsn, long floor) throws StorageException {
    layerCount++;
    ReadTrace tracing = trace;
    if (tracing == null) {
      collectHealing(handle, key, lsn, floor);
      return;
    }
    long startNanos = tracing.nanos();
    int before = versions.count();
    boolean wasHere = handle.isResident();
    collectHealing(handle, key, lsn, floor);
    tracing.visited(handle.toString(), wasHere, versions.count() - before, startNanos);
  }

  /**
   * A file that is found damaged is got again, once; versions from before the damage are whole, and
   * are not added twice.
   */
  private void collectHealing(LayerHandle handle, Key key, long lsn, long floor)
      throws StorageException {
    SstCursor cursor = cursor(handle);
    try {
      cursor.collect(buffers, key, lsn, floor, versions);
    } catch (StorageException.Corrupt e) {
      handle.replaceDamaged(cursor.layer(), e);
      cursors.remove(handle);
      giveBack(cursor);
      cursor(handle).collect(buffers, key, lsn, floor, versions);
    }
  }

  private SstCursor cursor(LayerHandle handle) throws StorageException {
    SstCursor cursor = cursors.get(handle);
    if (cursor == null) {
      // The reference goes with the cursor, in giveBack.
      cursor = handle.acquire().borrow();
      cursors.put(handle, cursor);
    }
    return cursor;
  }

  private static void giveBack(SstCursor cursor) {
    SstLayer layer = cursor.layer();
    layer.giveBack(cursor);
    layer.release();
  }

  /** Gives cursors back; called before the layers they are of are released. */
  public void endBatch() {
    cursors.values().forEach(ReadContext::giveBack);
    cursors.clear();
  }
}
