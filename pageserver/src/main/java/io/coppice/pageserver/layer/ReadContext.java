package io.coppice.pageserver.layer;

import io.coppice.common.error.StorageException;
import java.util.IdentityHashMap;

/**
 * What one reader needs and uses again: room for versions, and the cursors it has borrowed, kept
 * for the length of a batch. Not thread safe.
 */
public final class ReadContext {
  private final VersionList versions = new VersionList();
  private final EntryBuffers buffers = new EntryBuffers();
  private final IdentityHashMap<SstLayer, SstCursor> cursors = new IdentityHashMap<>();

  private int layerCount;

  /** Begins to read a key. */
  public void begin() {
    versions.clear();
    layerCount = 0;
  }

  /** A layer, in memory or a file, is looked into. */
  void visited() {
    layerCount++;
  }

  /** How many layers were looked into for the key. */
  public int layerCount() {
    return layerCount;
  }

  /** The versions found by the read under way. */
  public VersionList versions() {
    return versions;
  }

  EntryBuffers buffers() {
    return buffers;
  }

  SstCursor cursor(LayerHandle handle) throws StorageException {
    SstLayer layer = handle.open();
    SstCursor cursor = cursors.get(layer);
    if (cursor == null) {
      cursor = layer.borrow();
      cursors.put(layer, cursor);
    }
    return cursor;
  }

  /** Gives cursors back; called before the layers they are of are released. */
  public void endBatch() {
    cursors.forEach(SstLayer::giveBack);
    cursors.clear();
  }
}
