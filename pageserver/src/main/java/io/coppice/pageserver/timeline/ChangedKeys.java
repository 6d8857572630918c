package io.coppice.pageserver.timeline;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.key.Key;
import io.coppice.pageserver.layer.LayerSet;
import io.coppice.pageserver.layer.ScanSource;
import io.coppice.pageserver.layer.VersionedValue;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.PriorityQueue;
import org.jspecify.annotations.Nullable;

/**
 * The keys of a range that have a version within some spans, in order, each once. It looks into the
 * layer files whose LSNs reach into a span, so what is in memory must have been flushed. Not thread
 * safe.
 *
 * <p>Where garbage collection has taken history of a span, images stand for it: then all keys that
 * these have are among those returned, changed or not.
 */
public final class ChangedKeys implements AutoCloseable {
  private final List<LayerSet> sets = new ArrayList<>();
  private final List<ScanSource> sources = new ArrayList<>();
  private final PriorityQueue<Head> heads =
      new PriorityQueue<>(Comparator.comparing((Head head) -> head.key));
  private @Nullable Key last;

  /** A source, at a key of which it has a version after that LSN. */
  private record Head(ScanSource source, Lsn after, Key key) {}

  private ChangedKeys() {}

  /** Opens the layers; blocks, since they may have to be downloaded. */
  public static ChangedKeys open(List<Divergence.Span> spans, Key from, Key toExclusive)
      throws StorageException {
    ChangedKeys keys = new ChangedKeys();
    try {
      for (Divergence.Span span : spans) {
        keys.add(span, from, toExclusive);
      }
      return keys;
    } catch (StorageException | RuntimeException e) {
      keys.close();
      throw e;
    }
  }

  private void add(Divergence.Span span, Key from, Key toExclusive) throws StorageException {
    LayerSet set = span.timeline().acquireLayers().toFilesAlone();
    sets.add(set);
    boolean isHistoryGone = span.timeline().readableFrom().isAfter(span.after());
    List<ScanSource> found =
        set.changes(from, toExclusive, span.after(), span.upTo(), isHistoryGone);
    sources.addAll(found);
    for (ScanSource source : found) {
      advance(source, span.after());
    }
  }

  private void advance(ScanSource source, Lsn after) throws StorageException {
    for (VersionedValue next = source.next(); next != null; next = source.next()) {
      if (next.lsn().isAfter(after)) {
        heads.add(new Head(source, after, next.key()));
        return;
      }
    }
  }

  /** The next key; null at the end. */
  public @Nullable Key next() throws StorageException {
    while (!heads.isEmpty()) {
      Head head = heads.remove();
      advance(head.source(), head.after());
      if (!head.key().equals(last)) {
        last = head.key();
        return head.key();
      }
    }
    return null;
  }

  @Override
  public void close() {
    sources.forEach(ScanSource::close);
    sets.forEach(LayerSet::release);
  }
}
