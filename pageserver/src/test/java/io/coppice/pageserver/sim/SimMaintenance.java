package io.coppice.pageserver.sim;

import io.coppice.common.error.StorageException;
import io.coppice.pageserver.layer.LayerDescriptor;
import io.coppice.pageserver.layer.LayerKind;
import io.coppice.pageserver.timeline.LayerInfo;
import io.coppice.pageserver.timeline.Maintenance;
import io.coppice.pageserver.timeline.Timeline;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Supplier;

/**
 * Background work, done when the simulation comes to it, or at once where somebody waits for it.
 */
final class SimMaintenance implements Maintenance {
  private static final int FROZEN_LAYERS_MAX = 2;

  private final SimObjectStore store;
  private final Coverage coverage;
  private final Set<Timeline> asked = new LinkedHashSet<>();
  private boolean atOnce;
  private boolean mustSucceed;

  SimMaintenance(SimObjectStore store, Coverage coverage) {
    this.store = store;
    this.coverage = coverage;
  }

  /** Whether the caller waits for what it asks for. */
  void setAtOnce(boolean isAtOnce) {
    atOnce = isAtOnce;
  }

  /**
   * Whether the caller waits, once memory is full, as long as it takes, as ingest does; then in the
   * end it succeeds.
   */
  void setMustSucceed(boolean isMustSucceed) {
    mustSucceed = isMustSucceed;
  }

  @Override
  public void maintainSoon(Timeline timeline) {
    if (mustSucceed && isFull(timeline)) {
      boolean wasCalm = store.isCalm();
      store.setCalm(true);
      Violation.check(maintain(timeline), "maintenance fails, and nothing is wrong");
      store.setCalm(wasCalm);
    } else if (atOnce) {
      maintain(timeline);
    } else {
      asked.add(timeline);
    }
  }

  /** Whether who freezes the open layer would wait: only then must something be written now. */
  private boolean isFull(Timeline timeline) {
    long inMemory =
        timeline.layers().stream().filter(l -> l.kind() == LayerInfo.Kind.MEMORY).count();
    if (inMemory > 2) {
      coverage.mark("several frozen layers waited");
    }
    return inMemory > FROZEN_LAYERS_MAX;
  }

  /** Does what was asked for earlier. */
  void runAsked() {
    Set<Timeline> now = new LinkedHashSet<>(asked);
    asked.clear();
    now.forEach(this::maintain);
  }

  private boolean maintain(Timeline timeline) {
    try {
      timeline.maintain();
      if (timeline.isUpkeepDue()) {
        upkeep(timeline);
      }
      coverage.mark("maintenance went well");
      return true;
    } catch (StorageException _) {
      coverage.mark("maintenance failed");
      return false;
    }
  }

  private void upkeep(Timeline timeline) {
    List<LayerDescriptor> before = timeline.durableIndex().layers();
    timeline.upkeep();
    List<LayerDescriptor> made = new ArrayList<>(timeline.durableIndex().layers());
    made.removeAll(before);
    if (made.stream().anyMatch(layer -> layer.name().kind() == LayerKind.DELTA)) {
      coverage.mark("deltas were compacted");
    }
    if (made.stream().anyMatch(layer -> layer.name().kind() == LayerKind.IMAGE)) {
      coverage.mark("images were made");
    }
  }

  @Override
  public void start(Supplier<Collection<Timeline>> timelines) {}

  @Override
  public void close() {}
}
