package io.coppice.safekeeper.server;

import io.coppice.common.id.TenantTimelineId;
import io.coppice.proto.v1.TimelineStatusResponse;
import io.grpc.stub.ServerCallStreamObserver;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;

/**
 * Tells watchers what changed: at once, and what comes soon after it is gathered, so that a busy
 * timeline costs a few messages a second and not one for each commit. A watcher that does not read
 * loses nothing but what was overtaken.
 */
final class WatchHub {
  private static final long GATHER_MILLIS = 100;

  private final Function<TimelineSnapshot, TimelineStatusResponse> toProto;
  private final ScheduledExecutorService scheduler;
  private final Set<Watcher> watchers = ConcurrentHashMap.newKeySet();

  WatchHub(
      Function<TimelineSnapshot, TimelineStatusResponse> toProto,
      ScheduledExecutorService scheduler) {
    this.toProto = toProto;
    this.scheduler = scheduler;
  }

  /** Any thread. */
  void changed(TimelineSnapshot snapshot) {
    watchers.forEach(watcher -> watcher.changed(snapshot));
  }

  /** Begins to watch; {@code now} is sent first. */
  void watch(ServerCallStreamObserver<TimelineStatusResponse> out, List<TimelineSnapshot> now) {
    Watcher watcher = new Watcher(out);
    out.setOnCancelHandler(() -> watchers.remove(watcher));
    out.setOnReadyHandler(watcher::schedule);
    watchers.add(watcher);
    now.forEach(watcher::changed);
  }

  private final class Watcher {
    private final ServerCallStreamObserver<TimelineStatusResponse> out;
    private final Map<TenantTimelineId, TimelineSnapshot> pending = new LinkedHashMap<>();
    private boolean gathering;

    Watcher(ServerCallStreamObserver<TimelineStatusResponse> out) {
      this.out = out;
    }

    void changed(TimelineSnapshot snapshot) {
      synchronized (pending) {
        pending.put(snapshot.state().properties().id(), snapshot);
      }
      schedule();
    }

    private void schedule() {
      synchronized (pending) {
        if (gathering || pending.isEmpty()) {
          return;
        }
        gathering = true;
      }
      scheduler.execute(this::send);
    }

    private void send() {
      List<TimelineSnapshot> changes;
      synchronized (pending) {
        if (pending.isEmpty() || !out.isReady()) {
          gathering = false;
          return; // the next change, or onReady, schedules again
        }
        changes = new ArrayList<>(pending.values());
        pending.clear();
      }
      if (!out.isCancelled()) {
        changes.forEach(change -> out.onNext(toProto.apply(change)));
      }
      var _ = scheduler.schedule(this::send, GATHER_MILLIS, TimeUnit.MILLISECONDS);
    }
  }
}
