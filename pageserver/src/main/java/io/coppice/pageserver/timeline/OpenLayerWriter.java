package io.coppice.pageserver.timeline;

import io.coppice.common.error.Invariant;
import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.key.Key;
import io.coppice.pageserver.layer.OpenLayer;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The writer of a timeline. Its open layer is rolled here, or from outside between batches of
 * records: from the first value to the publishing the gate is the writer's.
 */
final class OpenLayerWriter implements TimelineWriter {
  private final Timeline timeline;
  private final TimelineEnvironment environment;
  private final LsnClock lsns;
  private final TimelineLayers layers;
  private final WriterGate gate = new WriterGate();
  private volatile boolean rollRequested;

  // The writer's own.
  private boolean inBatch;
  private Lsn endedStart = Lsn.INVALID;

  /** End of the last record that was ended and is not published; null if there is none. */
  private @Nullable Lsn ended;

  private @Nullable OpenLayer open;

  OpenLayerWriter(
      Timeline timeline, TimelineEnvironment environment, LsnClock lsns, TimelineLayers layers) {
    this.timeline = timeline;
    this.environment = environment;
    this.lsns = lsns;
    this.layers = layers;
  }

  @Override
  public void put(Key key, Lsn lsn, byte[] value, int offset, int length) throws StorageException {
    enter();
    OpenLayer layer = open;
    if (layer == null) {
      layer = layers.addOpen(lsns.last());
      open = layer;
    }
    Invariant.check(
        lsn.isAfter(layer.startLsn()),
        "key %s put at %s, not after %s",
        key,
        lsn,
        layer.startLsn());
    try {
      layer.put(key, lsn, value, offset, length);
    } catch (IllegalStateException e) {
      // Its memory went when the timeline was closed.
      throw new StorageException.Transient(timeline.id() + " is closed", e);
    }
  }

  private void enter() {
    if (inBatch) {
      return;
    }
    if (!gate.tryEnter()) {
      layers.enter(gate);
    }
    inBatch = true;
    OpenLayer layer = open;
    if (layer != null && layer.isFrozen()) {
      open = null;
    }
  }

  private void leave() {
    inBatch = false;
    gate.leave();
  }

  @Override
  public void endRecord(Lsn start, Lsn end) {
    enter();
    OpenLayer layer = open;
    if (layer != null) {
      Invariant.check(
          layer.newestLsn().isAtOrBefore(end),
          "the record that ends at %s is finished, but a value was put at %s",
          end,
          layer.newestLsn());
      layer.endRecord();
    }
    endedStart = start;
    ended = end;
  }

  @Override
  public void publish() throws StorageException {
    Lsn end = ended;
    if (end == null) {
      return;
    }
    ended = null;
    lsns.publish(endedStart, end);
    OpenLayer layer = open;
    if (layer != null && layer.hasUnendedRecord()) {
      return; // It goes on, and nothing can be rolled before it has ended.
    }
    if (layer != null && (rollRequested || layer.sizeBytes() >= environment.rollSizeBytes())) {
      rollRequested = false;
      roll(layer);
    }
    leave();
  }

  private void roll(OpenLayer layer) throws StorageException {
    try {
      environment.maintenance().maintainSoon(timeline);
      layers.freeze(lsns.position());
      open = null;
      layer.setFrozen();
      environment.maintenance().maintainSoon(timeline);
    } catch (StorageException e) {
      leave();
      throw e;
    }
  }

  @Override
  public void discardRecord() {
    OpenLayer layer = open;
    if (inBatch && layer != null) {
      layer.discardRecord();
    }
    Lsn end = ended;
    if (end != null) {
      ended = null;
      lsns.publish(endedStart, end);
    }
    if (inBatch) {
      leave();
    }
  }

  @Override
  public Optional<byte[]> getLatest(Key key) throws StorageException {
    return timeline.reader().get(key, Lsn.MAX);
  }

  @Override
  public void scanLatest(Key from, Key toExclusive, KeyValueConsumer out) throws StorageException {
    timeline.reader().scan(from, toExclusive, Lsn.MAX, out);
  }

  /** From outside: rolls the layer if nobody is writing, or has the writer do it. */
  void requestRoll() {
    rollRequested = true;
  }

  /**
   * From outside, between batches: freezes the open layer if it is due and there is room for it.
   *
   * @return up to where all that was ever put is in files; null if something is in memory, or the
   *     writer is busy
   */
  @Nullable RecordPosition rollIfDue(long nowMillis) {
    @Nullable RecordPosition[] flushed = new RecordPosition[1];
    layers.tryWhileIdle(
        gate,
        (layer, frozenCount) -> {
          if (layer == null || layer.isEmpty()) {
            rollRequested = false;
            flushed[0] = frozenCount > 0 ? null : lsns.position();
          } else if (frozenCount < TimelineLayers.FROZEN_MAX && isDue(layer, nowMillis)) {
            rollRequested = false;
            layer.setFrozen();
            layers.freezeWhileIdle(lsns.position());
          }
        });
    return flushed[0];
  }

  private boolean isDue(OpenLayer layer, long nowMillis) {
    long ageMillis = nowMillis - layer.createdAtMillis();
    return rollRequested
        || ageMillis >= environment.limits().openLayerAgeMillisMax()
        || layer.sizeBytes() >= environment.rollSizeBytes();
  }

  /** Whether maintenance has something to do here. */
  boolean isRollDue(@Nullable OpenLayer layer, long nowMillis) {
    return layer != null && isDue(layer, nowMillis);
  }
}
