package io.coppice.pageserver.timeline;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.key.Key;
import io.coppice.common.platform.Clock;
import io.coppice.pageserver.cache.CachedPage;
import io.coppice.pageserver.cache.PageCache;
import io.coppice.pageserver.layer.ReadTrace;
import io.coppice.pageserver.layer.ScanSource;
import io.coppice.pageserver.layer.VersionList;
import io.coppice.pageserver.layer.VersionedValue;
import io.coppice.postgres.page.Page;
import io.coppice.postgres.record.RecordNames;
import io.coppice.postgres.redo.PageRedo;
import io.coppice.postgres.redo.ValueKind;
import io.coppice.postgres.version.PostgresVersion;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.PriorityQueue;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** Reads of a timeline, at LSNs that have been checked. Thread safe. */
final class TimelineReader {
  /** Kind, resource manager, info: the first bytes of a stored record. */
  private static final int RECORD_HEADER_BYTES = 3;

  private final Timeline timeline;
  private final ReadScratch.Pool scratches;
  private final TimelineMetrics metrics;
  private final long ancestorWaitMillis;
  private final PageCache cache;
  private final PageCache.Owner owner;

  TimelineReader(Timeline timeline, TimelineEnvironment environment) {
    this.timeline = timeline;
    this.scratches = environment.readScratches();
    this.metrics = environment.metrics();
    this.ancestorWaitMillis = environment.limits().ancestorWaitMillis();
    this.cache = environment.pageCache();
    this.owner = cache.newOwner();
  }

  /** As which its pages are in the cache. */
  PageCache.Owner owner() {
    return owner;
  }

  /** Waits, as long as is configured, until a branch can read here at an LSN. */
  void awaitAsAncestor(Lsn lsn) throws StorageException {
    if (lsn.isAtOrBefore(timeline.lastRecordLsn())) {
      return;
    }
    try {
      timeline.waitForLsn(lsn, ancestorWaitMillis);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new StorageException.Transient("interrupted while waiting for " + timeline.id(), e);
    }
  }

  Optional<byte[]> get(Key key, Lsn lsn) throws StorageException {
    AtomicReference<byte @Nullable []> found = new AtomicReference<>();
    getPages(List.of(key), lsn, (_, _, value) -> found.set(value));
    return Optional.ofNullable(found.get());
  }

  void getPages(List<Key> keys, Lsn lsn, PageConsumer out) throws StorageException {
    getPages(keys, lsn, lsn, null, out);
  }

  /**
   * Reads a branch as of the point where it begins. Its ancestors keep that for as long as they are
   * its ancestors, even if its own history begins later.
   */
  void getInherited(List<Key> keys, PageConsumer out) throws StorageException {
    getPages(keys, timeline.startLsn(), Lsn.MAX, null, out);
  }

  /** As {@link #getPages(List, Lsn, PageConsumer)}, through the page cache. */
  void getCachedPages(
      List<Key> keys, Lsn lsn, boolean checksums, Supplier<byte[]> buffers, PageConsumer out)
      throws StorageException {
    getPages(keys, lsn, lsn, new CacheUse(cache, checksums, buffers), out);
  }

  /** Reads as of an LSN, while another one must stay readable. */
  private void getPages(
      List<Key> keys, Lsn lsn, Lsn readable, @Nullable CacheUse use, PageConsumer out)
      throws StorageException {
    if (keys.size() > Timeline.BATCH_KEYS_MAX) {
      throw new StorageException.Invalid(
          "a batch of %d keys; the limit is %d".formatted(keys.size(), Timeline.BATCH_KEYS_MAX));
    }
    ReadScratch scratch = scratches.borrow(timeline.pgMajor());
    try (Traversal traversal = new Traversal(timeline, lsn)) {
      try {
        Batch batch = new Batch(keys, lsn, readable, traversal, scratch, use, out);
        for (int from = 0; from < keys.size(); from += BatchRead.KEYS_MAX) {
          batch.read(from, Math.min(keys.size(), from + BatchRead.KEYS_MAX));
        }
      } finally {
        // Before the traversal lets go of the layers that the cursors are of.
        scratch.context().endBatch();
      }
    } finally {
      scratches.giveBack(timeline.pgMajor(), scratch);
    }
  }

  /** One call's read, and what it does it with. */
  private final class Batch {
    private final List<Key> keys;
    private final Lsn lsn;
    private final Lsn readable;
    private final Traversal traversal;
    private final ReadScratch scratch;
    private final @Nullable CacheUse cacheUse;
    private final PageConsumer out;

    Batch(
        List<Key> keys,
        Lsn lsn,
        Lsn readable,
        Traversal traversal,
        ReadScratch scratch,
        @Nullable CacheUse cacheUse,
        PageConsumer out) {
      this.keys = keys;
      this.lsn = lsn;
      this.readable = readable;
      this.traversal = traversal;
      this.scratch = scratch;
      this.cacheUse = cacheUse;
      this.out = out;
    }

    /** Answers some of the keys. */
    void read(int from, int to) throws StorageException {
      BatchRead batch = scratch.batch();
      try {
        batch.collect(keys.subList(from, to), traversal, scratch.context(), cacheUse);
      } catch (StorageException.Corrupt e) {
        if (to - from == 1) {
          throw e;
        }
        // Which key it is of is told by the keys before it being answered.
        for (int i = from; i < to; i++) {
          read(i, i + 1);
        }
        return;
      }
      timeline.checkStillReadable(readable);
      boolean mayRemember = traversal.isOpen();
      int hits = 0;
      for (int i = from; i < to; i++) {
        PageRead read = batch.read(i - from);
        hits += read.isHit() ? 1 : 0;
        out.accept(i, read.key(), answer(read, mayRemember));
      }
      if (cacheUse != null) {
        cache.count(hits, to - from - hits);
      }
    }

    private byte @Nullable [] answer(PageRead read, boolean mayRemember) throws StorageException {
      if (read.key().isRelationBlock() && !read.isHit()) {
        metrics.page(read);
      }
      byte[] value = value(read, lsn, scratch.redo());
      if (cacheUse != null && value != null && value.length == Page.SIZE_BYTES && read.isPage()) {
        if (!read.isHit()) {
          cacheUse.finish(read.key(), value);
        }
        if (mayRemember) {
          read.remember(value, cacheUse);
        }
      }
      return value;
    }
  }

  /** Reads one key and says how; a damaged or unfinished page is no failure here. */
  PageExplanation explain(Key key, Lsn lsn, Clock clock) throws StorageException {
    ReadScratch scratch = scratches.borrow(timeline.pgMajor());
    ReadTrace trace = new ReadTrace(clock);
    scratch.context().setTrace(trace);
    long startNanos = clock.monotonicNanos();
    try (Traversal traversal = new Traversal(timeline, lsn)) {
      try {
        scratch.batch().collect(List.of(key), traversal, scratch.context(), null);
        PageRead read = scratch.batch().read(0);
        long collectedNanos = clock.monotonicNanos();
        String problem = problem(read, lsn, scratch.redo());
        return new PageExplanation(
            trace.visits(),
            describe(read.versions()),
            collectedNanos - startNanos,
            clock.monotonicNanos() - collectedNanos,
            problem);
      } finally {
        scratch.context().setTrace(null);
        scratch.context().endBatch();
      }
    } finally {
      scratches.giveBack(timeline.pgMajor(), scratch);
    }
  }

  private String problem(PageRead read, Lsn lsn, PageRedo redo) {
    try {
      var _ = value(read, lsn, redo);
      return "";
    } catch (StorageException e) {
      return String.valueOf(e.getMessage());
    }
  }

  private List<PageExplanation.Version> describe(VersionList versions) throws StorageException {
    List<PageExplanation.Version> described = new ArrayList<>();
    for (int i = 0; i < versions.count(); i++) {
      described.add(
          new PageExplanation.Version(
              versions.lsn(i),
              describe(versions.bytes(), versions.start(i), versions.length(i)),
              versions.length(i)));
    }
    return described;
  }

  private String describe(byte[] value, int start, int length) throws StorageException {
    ValueKind kind = ValueKind.of(value[start]);
    String name = kind.name().toLowerCase(Locale.ROOT).replace('_', ' ');
    boolean isRecord = kind == ValueKind.RECORD || kind == ValueKind.RECORD_WILL_INIT;
    if (!isRecord || length < RECORD_HEADER_BYTES) {
      return name;
    }
    return RecordNames.of(
        PostgresVersion.ofMajor(timeline.pgMajor()), value[start + 1] & 0xFF, value[start + 2]);
  }

  private byte @Nullable [] value(PageRead read, Lsn lsn, PageRedo redo) throws StorageException {
    Key key = read.key();
    VersionList versions = read.versions();
    CachedPage base = read.base();
    if (versions.count() == 0 && base != null) {
      return base.page();
    }
    if (versions.count() == 0 || isDeleted(versions.bytes(), versions.length(0))) {
      return null;
    }
    if (isImage(versions.bytes())) {
      return Arrays.copyOfRange(versions.bytes(), 1, versions.length(0));
    }
    if (!read.isPage()) {
      throw new StorageException.Corrupt(
          "%s: key %s at %s has a value of kind %d, but is no page"
              .formatted(timeline.id(), key, versions.lsn(0), versions.bytes()[0]));
    }
    return rebuild(read, lsn, redo);
  }

  private byte[] rebuild(PageRead read, Lsn lsn, PageRedo redo) throws StorageException {
    Key key = read.key();
    VersionList versions = read.versions();
    int oldest = versions.count() - 1;
    CachedPage base = read.base();
    if (base == null && !versions.isComplete()) {
      throw new StorageException.Corrupt(
          "%s: key %s as of %s: its oldest record, at %s, changes a page that is not there"
              .formatted(timeline.id(), key, lsn, versions.lsn(oldest)));
    }
    byte[] page = base == null ? new byte[Page.SIZE_BYTES] : base.page();
    for (int i = oldest; i >= 0; i--) {
      redo.apply(
          page, versions.lsn(i), key, versions.bytes(), versions.start(i), versions.length(i));
    }
    return page;
  }

  private static boolean isImage(byte[] value) {
    return value[0] == ValueKind.IMAGE.code();
  }

  private static boolean isDeleted(byte[] value, int length) {
    return length == 0 || (length == 1 && isImage(value));
  }

  /** A source, and the version it is at. */
  private record Head(ScanSource source, VersionedValue version) {
    // For one key the newest first.
    static final Comparator<Head> ORDER =
        Comparator.comparing((Head head) -> head.version.key())
            .thenComparing(head -> head.version.lsn(), Comparator.reverseOrder());
  }

  void scan(Key from, Key toExclusive, Lsn lsn, KeyValueConsumer out) throws StorageException {
    List<ScanSource> sources = new ArrayList<>();
    try (Traversal traversal = new Traversal(timeline, lsn)) {
      try {
        for (Traversal.Stop stop : traversal.toRoot()) {
          sources.addAll(stop.layers().scan(from, toExclusive, stop.lsn()));
        }
        timeline.checkStillReadable(lsn);
        merge(traversal, sources, out);
      } finally {
        sources.forEach(ScanSource::close);
      }
    }
  }

  private void merge(Traversal traversal, List<ScanSource> sources, KeyValueConsumer out)
      throws StorageException {
    PriorityQueue<Head> heads = new PriorityQueue<>(Head.ORDER);
    for (ScanSource source : sources) {
      advance(source, heads);
    }
    Key last = null;
    while (!heads.isEmpty()) {
      Head head = heads.remove();
      VersionedValue version = head.version();
      advance(head.source(), heads);
      if (version.key().equals(last)) {
        continue;
      }
      last = version.key();
      byte[] value = version.value();
      if (isDeleted(value, value.length) || traversal.isHidden(version)) {
        continue;
      }
      if (!isImage(value)) {
        throw new StorageException.Corrupt(
            "%s: key %s at %s has a value of kind %d, but is no page"
                .formatted(timeline.id(), version.key(), version.lsn(), value[0]));
      }
      if (!out.accept(version.key(), Arrays.copyOfRange(value, 1, value.length))) {
        return;
      }
    }
  }

  private static void advance(ScanSource source, PriorityQueue<Head> heads)
      throws StorageException {
    VersionedValue next = source.next();
    if (next != null) {
      heads.add(new Head(source, next));
    }
  }
}
