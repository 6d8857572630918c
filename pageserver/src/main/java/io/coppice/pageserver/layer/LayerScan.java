package io.coppice.pageserver.layer;

import io.coppice.common.error.StorageException;
import io.coppice.common.key.Key;
import org.jspecify.annotations.Nullable;

/** The keys of a range in one layer file, which is got again, once, if it is found damaged. */
final class LayerScan implements ScanSource {
  private final LayerHandle handle;
  private final Key toExclusive;
  private final long lsn;
  private SstLayer layer;
  private ScanSource source;
  private Key resumeAt;
  private boolean replaced;

  /** The caller holds a reference to the handle as long as this is open. */
  LayerScan(LayerHandle handle, Key from, Key toExclusive, long lsn) throws StorageException {
    this.handle = handle;
    this.toExclusive = toExclusive;
    this.lsn = lsn;
    this.resumeAt = from;
    this.layer = handle.acquire();
    this.source = layer.scan(from, toExclusive, lsn);
  }

  @Override
  public @Nullable VersionedValue next() throws StorageException {
    VersionedValue next;
    try {
      next = source.next();
    } catch (StorageException.Corrupt e) {
      if (replaced) {
        throw e;
      }
      replaced = true;
      handle.replaceDamaged(layer, e);
      SstLayer whole = handle.acquire();
      close();
      layer = whole;
      source = whole.scan(resumeAt, toExclusive, lsn);
      next = source.next();
    }
    if (next != null) {
      resumeAt = next.key().next();
    }
    return next;
  }

  @Override
  public void close() {
    source.close();
    layer.release();
  }
}
