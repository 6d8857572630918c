package io.coppice.pageserver.timeline;

import io.coppice.common.error.Invariant;
import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.key.Key;
import io.coppice.pageserver.layer.OpenLayer;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** The writer of a timeline. Its open layer is rolled here, or from outside between records. */
final class OpenLayerWriter implements TimelineWriter {
  private final Timeline timeline;
  private final TimelineEnvironment environment;
  private final LsnClock lsns;
  private final TimelineLayers layers;
  private final WriterGate gate = new WriterGate();
  private volatile boolean rollRequested;

  // The writer's own.
  private boolean inRecord;
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
    if (inRecord) {
      return;
    }
    if (!gate.tryEnter()) {
      layers.enter(gate);
    }
    inRecord = true;
    OpenLayer layer = open;
    if (layer != null && layer.isFrozen()) {
      open = null;
    }
  }

  private void leave() {
    inRecord = false;
    gate.leave();
  }

  @Override
  public void finishRecord(Lsn start, Lsn end) throws StorageException {
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
    lsns.publish(start, end);
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
    if (inRecord && layer != null) {
      layer.discardRecord();
    }
    if (inRecord) {
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
   * From outside, between records: freezes the open layer if it is due and there is no frozen one.
   *
   * @return up to where all that was ever put is in files; null if something is in memory, or the
   *     writer is busy
   */
  @Nullable RecordPosition rollIfDue(long nowMillis) {
    @Nullable RecordPosition[] flushed = new RecordPosition[1];
    layers.tryWhileIdle(
        gate,
        (layer, hasFrozen) -> {
          if (layer == null || layer.isEmpty()) {
            rollRequested = false;
            flushed[0] = hasFrozen ? null : lsns.position();
          } else if (!hasFrozen && isDue(layer, nowMillis)) {
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
