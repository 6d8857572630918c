package io.coppice.pageserver.layer;

import io.coppice.common.error.StorageException;
import java.util.IdentityHashMap;
import org.jspecify.annotations.Nullable;

/**
 * What one reader needs and uses again: buffers, and the cursors it has borrowed, kept for the
 * length of a batch. Not thread safe.
 */
public final class ReadContext {
  private final EntryBuffers buffers = new EntryBuffers();
  private final IdentityHashMap<LayerHandle, SstCursor> cursors = new IdentityHashMap<>();

  private @Nullable ReadTrace trace;

  /** Has what reads do written down from now on; null ends that. */
  public void setTrace(@Nullable ReadTrace newTrace) {
    trace = newTrace;
  }

  /** What is written down; null if nothing is. */
  public @Nullable ReadTrace trace() {
    return trace;
  }

  /** Adds to a read's versions those at or before an LSN that a layer in memory has. */
  void collect(OpenLayer layer, KeyRead read, long lsn) throws StorageException {
    read.countLayer();
    VersionList versions = read.versions();
    ReadTrace tracing = trace;
    if (tracing == null) {
      layer.collect(read.key(), lsn, read.floor(), versions);
      return;
    }
    long startNanos = tracing.nanos();
    int before = versions.count();
    layer.collect(read.key(), lsn, read.floor(), versions);
    tracing.visited(layer.toString(), true, versions.count() - before, startNanos);
  }

  /** Adds to a read's versions those at or before an LSN and after another that a file has. */
  void collect(LayerHandle handle, KeyRead read, long lsn, long floor) throws StorageException {
    read.countLayer();
    ReadTrace tracing = trace;
    if (tracing == null) {
      collectHealing(handle, read, lsn, floor);
      return;
    }
    long startNanos = tracing.nanos();
    int before = read.versions().count();
    boolean wasHere = handle.isResident();
    collectHealing(handle, read, lsn, floor);
    tracing.visited(handle.toString(), wasHere, read.versions().count() - before, startNanos);
  }

  /**
   * A file that is found damaged is got again, once; versions from before the damage are whole, and
   * are not added twice.
   */
  private void collectHealing(LayerHandle handle, KeyRead read, long lsn, long floor)
      throws StorageException {
    SstCursor cursor = cursor(handle);
    try {
      cursor.collect(buffers, read.key(), lsn, floor, read.versions());
    } catch (StorageException.Corrupt e) {
      handle.replaceDamaged(cursor.layer(), e);
      cursors.remove(handle);
      giveBack(cursor);
      cursor(handle).collect(buffers, read.key(), lsn, floor, read.versions());
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
