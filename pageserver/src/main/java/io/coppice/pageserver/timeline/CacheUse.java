package io.coppice.pageserver.timeline;

import io.coppice.common.id.Lsn;
import io.coppice.common.key.Key;
import io.coppice.pageserver.cache.CachedPage;
import io.coppice.pageserver.cache.PageCache;
import io.coppice.postgres.page.PageChecksum;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * How some reads use the page cache.
 *
 * @param checksums whether pages of relations get a checksum, and are kept with it
 * @param buffers arrays for pages that the cache has
 */
record CacheUse(PageCache cache, boolean checksums, Supplier<byte[]> buffers) {

  @Nullable CachedPage find(Traversal.Stop stop, Key key) {
    return cache.find(owner(stop), key, hasChecksum(key), stop.lsn(), buffers);
  }

  /** See {@link PageCache#touch}. */
  int touch(Traversal.Stop stop, Key key) {
    return cache.touch(owner(stop), key, hasChecksum(key));
  }

  void extend(Traversal.Stop stop, Key key, Lsn from, Lsn to) {
    cache.extend(owner(stop), key, hasChecksum(key), from, to);
  }

  void put(Traversal.Stop stop, Key key, Lsn from, byte[] page, Lsn replaced) {
    cache.put(owner(stop), key, hasChecksum(key), from, stop.lsn(), page, replaced);
  }

  /** Makes a page that was rebuilt what readers get. */
  void finish(Key key, byte[] page) {
    if (hasChecksum(key)) {
      PageChecksum.set(page, key.field6());
    }
  }

  private boolean hasChecksum(Key key) {
    return checksums && key.isRelationBlock();
  }

  private static PageCache.Owner owner(Traversal.Stop stop) {
    return stop.timeline().reader().owner();
  }
}
