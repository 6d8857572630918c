package io.coppice.pageserver.timeline;

import io.coppice.common.id.Lsn;
import io.coppice.common.key.Key;
import io.coppice.pageserver.cache.CachedPage;
import io.coppice.pageserver.layer.KeyRead;
import org.jspecify.annotations.Nullable;

/**
 * The read of one key through a timeline and its ancestors: versions, newest first, and below them
 * maybe a page from the cache.
 */
final class PageRead extends KeyRead {
  private static final int FIELD1_SLRU = 0x01;
  private static final int FIELD3_SLRU_DATA = 1;
  private static final int FIELD6_SIZE = -1;

  private Traversal.@Nullable Stop newestAt;
  private Traversal.@Nullable Stop baseAt;
  private @Nullable CachedPage base;

  @Override
  public void begin(Key newKey) {
    super.begin(newKey);
    newestAt = null;
    baseAt = null;
    base = null;
  }

  /** Whether the value is a page, which records may change. */
  boolean isPage() {
    Key key = key();
    return key.isRelationBlock()
        || (key.field1() == FIELD1_SLRU
            && key.field3() == FIELD3_SLRU_DATA
            && key.field6() != FIELD6_SIZE);
  }

  /** The page that the versions are to be applied to; null if the oldest needs none. */
  @Nullable CachedPage base() {
    return base;
  }

  /** Takes a cached page; returns whether nothing of that timeline is needed besides. */
  boolean startFrom(CachedPage page, Traversal.Stop stop) {
    base = page;
    baseAt = stop;
    setKnown(page.to());
    return page.to().isAtOrAfter(stop.lsn());
  }

  /** A timeline's layers were looked into; returns whether nothing older is needed. */
  boolean leave(Traversal.Stop stop) {
    if (newestAt == null && versions().count() > 0) {
      newestAt = stop;
    }
    if (isEnded()) {
      base = null;
    }
    return isEnded() || base != null;
  }

  /** Whether it is the cached page, and nothing else. */
  boolean isHit() {
    return base != null && versions().count() == 0;
  }

  /** Has the cache know what was found out. */
  void remember(byte[] page, CacheUse cache) {
    CachedPage found = base;
    Traversal.Stop foundAt = baseAt;
    if (found != null && foundAt != null && versions().count() == 0) {
      if (foundAt.lsn().isAfter(found.to())) {
        cache.extend(foundAt, key(), found.from(), foundAt.lsn());
      }
      return;
    }
    Traversal.Stop stop = newestAt;
    if (stop != null) {
      Lsn replaced = found != null && stop.equals(foundAt) ? found.from() : Lsn.INVALID;
      cache.put(stop, key(), versions().lsn(0), page, replaced);
    }
  }
}
