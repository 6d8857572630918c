package io.coppice.pageserver.timeline;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.pageserver.layer.LayerDescriptor;
import io.coppice.pageserver.layer.LayerHandle;
import io.coppice.pageserver.layer.LayerKind;
import io.coppice.pageserver.layer.LayerName;
import io.coppice.pageserver.layer.OpenLayer;
import io.coppice.pageserver.layer.SstLayerWriter;
import io.coppice.pageserver.remote.DurableIndex;
import io.coppice.pageserver.remote.LayerCache;
import io.coppice.pageserver.remote.TimelineIndex;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Makes what is in memory durable: frozen layer, file, object, index, and only then do the durable
 * LSNs move. After a failure all of it is done again from where it stopped.
 *
 * <p>A written file takes the place of its memory before it is uploaded, so that memory is free
 * again; how many files may wait for their upload is bounded, and beyond that flushing stops, and
 * with it ingest.
 */
final class TimelineFlusher {
  private static final Logger log = LoggerFactory.getLogger(TimelineFlusher.class);
  private static final int LEVEL = 0;
  private static final int UPLOADS_PENDING_MAX = 4;

  private final TimelineEnvironment environment;
  private final DurableIndex index;
  private final TenantTimelineId id;
  private final LayerCache cache;
  private final TimelineLayers layers;
  private final OpenLayerWriter writer;
  private final ReentrantLock working = new ReentrantLock();

  // Under the lock.
  private final Deque<LayerDescriptor> uploads = new ArrayDeque<>();
  private RecordPosition flushed;
  private boolean stopped;
  // Layers that the index does not name yet.
  private final List<LayerDescriptor> uploaded = new ArrayList<>();

  private volatile Lsn durableLsn;
  private volatile long savedAtMillis;
  private volatile boolean requested;
  private volatile @Nullable StorageException lastFailure;

  TimelineFlusher(
      TimelineEnvironment environment,
      DurableIndex index,
      LayerCache cache,
      TimelineLayers layers,
      OpenLayerWriter writer) {
    this.environment = environment;
    this.index = index;
    this.cache = cache;
    this.layers = layers;
    this.writer = writer;
    TimelineIndex found = index.current();
    this.id = found.id();
    this.flushed = new RecordPosition(found.diskConsistentLsn(), found.prevRecordLsn());
    this.durableLsn = found.diskConsistentLsn();
    this.savedAtMillis = environment.clock().monotonicMillis();
  }

  /** Everything at or before it is in layers that the durable index names. */
  Lsn durableLsn() {
    return durableLsn;
  }

  /** Waits until all at or before an LSN is durable. */
  void await(Lsn wanted, long timeoutMillis) throws StorageException, InterruptedException {
    if (!layers.awaitUntil(() -> durableLsn.isAtOrAfter(wanted), timeoutMillis)) {
      StorageException failure = lastFailure;
      throw new StorageException.Transient(
          "%s was not flushed up to %s within %d ms, only to %s%s"
              .formatted(
                  id,
                  wanted,
                  timeoutMillis,
                  durableLsn,
                  failure == null ? "" : ": " + failure.getMessage()),
          failure);
    }
  }

  /** Has the next run roll what is open and save the index. */
  void request() {
    requested = true;
    writer.requestRoll();
  }

  /** Whether a run failed, or only WAL without values has come for so long that it is noted. */
  boolean isRunDue(Lsn lastRecordLsn) {
    return lastFailure != null || (lastRecordLsn.isAfter(durableLsn) && isSaveDue());
  }

  /**
   * Does what there is to do. Where another run is at it, only freezes what is due, and writes a
   * file for it, if there is one that nobody writes.
   */
  void run() throws StorageException {
    if (!working.tryLock()) {
      writeAhead();
      return;
    }
    try {
      if (!stopped) {
        work();
        lastFailure = null;
      }
    } catch (StorageException e) {
      lastFailure = e;
      environment.metrics().failed();
      layers.signal();
      throw e;
    } finally {
      working.unlock();
    }
  }

  private void work() throws StorageException {
    RecordPosition idle;
    boolean more;
    do {
      flushFrozen();
      idle = writer.rollIfDue(environment.clock().monotonicMillis());
      more = layers.hasFrozen();
    } while (more);
    upload();
    if (idle != null && idle.last().isAfter(flushed.last())) {
      flushed = idle;
    }
    if (flushed.last().isAfter(durableLsn) && isSaveDue()) {
      saveIndex();
    }
    if (idle != null) {
      requested = false;
    }
  }

  private void flushFrozen() throws StorageException {
    FrozenLayer frozen = layers.acquireFrozen(_ -> true);
    if (frozen == null) {
      return;
    }
    try {
      if (frozen.isBeingWritten()) {
        writeAhead();
      }
      if (uploads.size() >= UPLOADS_PENDING_MAX) {
        upload();
      }
      write(frozen);
    } finally {
      frozen.layer().release();
    }
    upload();
  }

  /** Whether an index is worth saving that only says how far WAL without values went. */
  private boolean isSaveDue() {
    long ageMillis = environment.clock().monotonicMillis() - savedAtMillis;
    return requested || ageMillis >= environment.limits().openLayerAgeMillisMax();
  }

  /** Freezes what is due, and writes a frozen layer to its file that nobody else writes. */
  private void writeAhead() throws StorageException {
    var _ = writer.rollIfDue(environment.clock().monotonicMillis());
    FrozenLayer free = layers.acquireFrozen(FrozenLayer::isFreeToWrite);
    if (free == null) {
      return;
    }
    try {
      free.tryWrite(this::writeFile);
    } finally {
      free.layer().release();
    }
  }

  private void write(FrozenLayer frozen) throws StorageException {
    if (frozen.layer().isEmpty()) {
      layers.replaceFrozen(frozen, null);
    } else {
      LayerDescriptor written = frozen.file(this::writeFile);
      uploads.add(written);
      layers.replaceFrozen(frozen, new LayerHandle(environment.layers(), cache, id, written));
    }
    flushed = frozen.position();
  }

  private LayerDescriptor writeFile(FrozenLayer frozen) throws StorageException {
    layers.checkNotClosed();
    OpenLayer layer = frozen.layer();
    Lsn first = layer.startLsn().plus(1);
    Path temporary = cache.temporary("flush-%016x".formatted(first.value()));
    long startMillis = environment.clock().monotonicMillis();
    try (SstLayerWriter file =
        SstLayerWriter.create(environment.layers(), LayerKind.DELTA, LEVEL, temporary)) {
      SstLayerWriter.KeyBounds keys = file.putAll(layer);
      LayerName name =
          new LayerName(
              LayerKind.DELTA,
              keys.first(),
              keys.last().next(),
              first,
              frozen.position().last().plus(1),
              environment.remote().generation());
      LayerDescriptor written = file.finish(id, name);
      cache.publish(temporary, name);
      environment
          .metrics()
          .flushed(environment.clock().monotonicMillis() - startMillis, written.sizeBytes());
      log.debug(
          "flushed {} values, {} bytes in memory, {} in {} of {}, in {} ms",
          file.versionCount(),
          layer.sizeBytes(),
          written.sizeBytes(),
          written,
          id,
          environment.clock().monotonicMillis() - startMillis);
      return written;
    }
  }

  private void upload() throws StorageException {
    while (!uploads.isEmpty()) {
      cache.upload(uploads.getFirst().name());
      uploaded.add(uploads.removeFirst());
    }
    if (!uploaded.isEmpty()) {
      saveIndex();
    }
  }

  private void saveIndex() throws StorageException {
    TimelineIndex saved =
        index.change(before ->
            before
                .with()
                .diskConsistent(flushed.last(), flushed.previous())
                .layers(joined(before.layers(), uploaded))
                .build());
    uploaded.clear();
    savedAtMillis = environment.clock().monotonicMillis();
    durableLsn = saved.diskConsistentLsn();
    layers.signal();
  }

  private static List<LayerDescriptor> joined(
      List<LayerDescriptor> before, List<LayerDescriptor> added) {
    List<LayerDescriptor> all = new ArrayList<>(before);
    all.addAll(added);
    return all;
  }

  /** Ends all work, now and later, once the layers are closed. */
  void stop() {
    working.lock();
    try {
      stopped = true;
      layers.awaitWriters();
    } finally {
      working.unlock();
    }
  }
}
