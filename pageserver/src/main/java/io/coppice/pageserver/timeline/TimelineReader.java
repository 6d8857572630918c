package io.coppice.pageserver.timeline;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.key.Key;
import io.coppice.common.platform.Clock;
import io.coppice.pageserver.layer.ReadTrace;
import io.coppice.pageserver.layer.ScanSource;
import io.coppice.pageserver.layer.VersionList;
import io.coppice.pageserver.layer.VersionedValue;
import io.coppice.postgres.page.Page;
import io.coppice.postgres.record.RecordNames;
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
import org.jspecify.annotations.Nullable;

/** Reads of a timeline, at LSNs that have been checked. Thread safe. */
final class TimelineReader {
  private static final int FIELD1_SLRU = 0x01;
  private static final int FIELD3_SLRU_DATA = 1;
  private static final int FIELD6_SIZE = -1;

  /** Kind, resource manager, info: the first bytes of a stored record. */
  private static final int RECORD_HEADER_BYTES = 3;

  private final Timeline timeline;
  private final ReadScratch.Pool scratches;
  private final TimelineMetrics metrics;

  TimelineReader(Timeline timeline, TimelineEnvironment environment) {
    this.timeline = timeline;
    this.scratches = environment.readScratches();
    this.metrics = environment.metrics();
  }

  Optional<byte[]> get(Key key, Lsn lsn) throws StorageException {
    AtomicReference<byte @Nullable []> found = new AtomicReference<>();
    getPages(List.of(key), lsn, (_, _, value) -> found.set(value));
    return Optional.ofNullable(found.get());
  }

  void getPages(List<Key> keys, Lsn lsn, PageConsumer out) throws StorageException {
    ReadScratch scratch = scratches.borrow(timeline.pgMajor());
    try (Traversal traversal = new Traversal(timeline, lsn)) {
      try {
        for (int i = 0; i < keys.size(); i++) {
          Key key = keys.get(i);
          traversal.collect(key, scratch.context());
          timeline.checkStillReadable(lsn);
          if (key.isRelationBlock()) {
            metrics.page(scratch.context());
          }
          out.accept(i, key, value(key, lsn, scratch));
        }
      } finally {
        // Before the traversal lets go of the layers that the cursors are of.
        scratch.context().endBatch();
      }
    } finally {
      scratches.giveBack(timeline.pgMajor(), scratch);
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
        traversal.collect(key, scratch.context());
        long collectedNanos = clock.monotonicNanos();
        String problem = problem(key, lsn, scratch);
        return new PageExplanation(
            trace.visits(),
            describe(scratch.context().versions()),
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

  private String problem(Key key, Lsn lsn, ReadScratch scratch) {
    try {
      var _ = value(key, lsn, scratch);
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

  private byte @Nullable [] value(Key key, Lsn lsn, ReadScratch scratch) throws StorageException {
    VersionList versions = scratch.context().versions();
    if (versions.count() == 0 || isDeleted(versions.bytes(), versions.length(0))) {
      return null;
    }
    if (isImage(versions.bytes())) {
      return Arrays.copyOfRange(versions.bytes(), 1, versions.length(0));
    }
    if (!isPage(key)) {
      throw new StorageException.Corrupt(
          "%s: key %s at %s has a value of kind %d, but is no page"
              .formatted(timeline.id(), key, versions.lsn(0), versions.bytes()[0]));
    }
    return rebuild(key, lsn, scratch);
  }

  private byte[] rebuild(Key key, Lsn lsn, ReadScratch scratch) throws StorageException {
    VersionList versions = scratch.context().versions();
    int oldest = versions.count() - 1;
    if (!versions.isComplete()) {
      throw new StorageException.Corrupt(
          "%s: key %s as of %s: its oldest record, at %s, changes a page that is not there"
              .formatted(timeline.id(), key, lsn, versions.lsn(oldest)));
    }
    byte[] page = new byte[Page.SIZE_BYTES];
    for (int i = oldest; i >= 0; i--) {
      scratch
          .redo()
          .apply(
              page, versions.lsn(i), key, versions.bytes(), versions.start(i), versions.length(i));
    }
    return page;
  }

  private static boolean isPage(Key key) {
    return key.isRelationBlock()
        || (key.field1() == FIELD1_SLRU
            && key.field3() == FIELD3_SLRU_DATA
            && key.field6() != FIELD6_SIZE);
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
