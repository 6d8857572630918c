package io.coppice.pageserver.timeline;

import io.coppice.common.error.StorageException;
import io.coppice.common.key.Key;
import io.coppice.pageserver.cache.CachedPage;
import io.coppice.pageserver.layer.ReadContext;
import io.coppice.pageserver.layer.ReadTrace;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Finds what some keys are made of, all in one traversal: each timeline's layers are looked into
 * for all keys that still need them, in key order. Used again from batch to batch; not thread safe.
 */
final class BatchRead {
  /** Most keys of a batch. Each keeps room for its versions. */
  static final int KEYS_MAX = 32;

  private static final Comparator<PageRead> BY_KEY = Comparator.comparing(PageRead::key);

  private final List<PageRead> reads = new ArrayList<>();
  private final List<PageRead> open = new ArrayList<>();

  @SuppressWarnings("UnusedVariable") // See PageCache.touch.
  private int touched;

  /** The read of a key, by its position in the batch. */
  PageRead read(int index) {
    return reads.get(index);
  }

  /**
   * Finds all that is needed to make the values of at most {@link #KEYS_MAX} keys.
   *
   * @param cache null for none
   */
  void collect(List<Key> keys, Traversal traversal, ReadContext context, @Nullable CacheUse cache)
      throws StorageException {
    open.clear();
    for (int i = 0; i < keys.size(); i++) {
      if (i == reads.size()) {
        reads.add(new PageRead());
      }
      PageRead read = reads.get(i);
      read.begin(keys.get(i));
      open.add(read);
    }
    boolean isSorted = false;
    for (int depth = 0; !open.isEmpty(); depth++) {
      Traversal.Stop stop = traversal.stop(depth);
      if (stop == null) {
        return;
      }
      if (cache != null) {
        touch(stop, cache);
        open.removeIf(read -> isKnown(read, stop, cache));
      }
      if (!isSorted) {
        open.sort(BY_KEY);
        isSorted = true;
      }
      collect(stop, context);
      open.removeIf(read -> read.leave(stop));
    }
  }

  private void touch(Traversal.Stop stop, CacheUse cache) {
    if (open.size() == 1) {
      return;
    }
    for (PageRead read : open) {
      touched += read.isPage() ? cache.touch(stop, read.key()) : 0;
    }
  }

  private static boolean isKnown(PageRead read, Traversal.Stop stop, CacheUse cache) {
    CachedPage found = read.isPage() ? cache.find(stop, read.key()) : null;
    return found != null && read.startFrom(found, stop);
  }

  private void collect(Traversal.Stop stop, ReadContext context) throws StorageException {
    ReadTrace trace = context.trace();
    if (trace != null) {
      trace.enter(stop.timeline().name(), stop.lsn());
    }
    stop.layers().collect(open, stop.lsn(), context);
  }
}
