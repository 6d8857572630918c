package io.coppice.safekeeper.server;

import static org.assertj.core.api.Assertions.assertThat;

import io.coppice.common.id.Lsn;
import io.coppice.common.id.TenantId;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.common.id.TimelineId;
import io.coppice.proto.v1.TimelineStatusResponse;
import io.coppice.safekeeper.consensus.AcceptorState;
import io.coppice.safekeeper.consensus.NodeId;
import io.coppice.safekeeper.consensus.TimelineProperties;
import io.grpc.stub.ServerCallStreamObserver;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

final class WatchHubTest {
  private static final Lsn START = new Lsn(0x1000028);
  private static final NodeId NODE = new NodeId(1);

  private final Clockwork clockwork = new Clockwork();
  private final Watcher watcher = new Watcher();
  private final WatchHub hub =
      new WatchHub(snapshot -> snapshot.toProto(NODE, 0, false), clockwork);

  @AfterEach
  void endClockwork() {
    clockwork.shutdownNow();
  }

  @Test
  void tellsAtFirstWhatIsSo() {
    hub.watch(watcher, List.of(timeline(1, 8), timeline(2, 16)));
    clockwork.pauseEnds();
    assertThat(watcher.flushed).containsExactly(START.plus(8), START.plus(16));
  }

  @Test
  void tellsAChangeAtOnceAndGathersThoseThatFollow() {
    hub.watch(watcher, List.of());
    hub.changed(timeline(1, 8));
    assertThat(watcher.flushed).containsExactly(START.plus(8));
    hub.changed(timeline(1, 16));
    hub.changed(timeline(1, 24));
    assertThat(watcher.flushed).containsExactly(START.plus(8));
    clockwork.pauseEnds();
    assertThat(watcher.flushed).containsExactly(START.plus(8), START.plus(24));
  }

  @Test
  void tellsAtOnceAgainAfterAPauseWithoutChanges() {
    hub.watch(watcher, List.of(timeline(1, 8)));
    clockwork.pauseEnds();
    hub.changed(timeline(1, 16));
    assertThat(watcher.flushed).containsExactly(START.plus(8), START.plus(16));
  }

  @Test
  void keepsTheNewestForOneThatDoesNotRead() {
    watcher.ready = false;
    hub.watch(watcher, List.of(timeline(1, 8)));
    hub.changed(timeline(1, 16));
    assertThat(watcher.flushed).isEmpty();
    watcher.becomeReady();
    assertThat(watcher.flushed).containsExactly(START.plus(16));
  }

  private static TimelineSnapshot timeline(int id, int flushed) {
    TimelineProperties properties =
        new TimelineProperties(
            new TenantTimelineId(new TenantId(1, 2), new TimelineId(3, id)),
            15,
            42,
            1 << 24,
            START,
            1);
    return new TimelineSnapshot(AcceptorState.initial(properties, 0), START.plus(flushed));
  }

  /** Runs what is due at once, in the caller's thread, and the rest when a test says so. */
  private static final class Clockwork extends ScheduledThreadPoolExecutor {
    private final Queue<Runnable> delayed = new ArrayDeque<>();

    Clockwork() {
      super(1);
    }

    @Override
    public void execute(Runnable task) {
      task.run();
    }

    @Override
    public ScheduledFuture<?> schedule(Runnable task, long delay, TimeUnit unit) {
      assertThat(delay).isPositive();
      delayed.add(task);
      return super.schedule(() -> {}, 0, unit);
    }

    void pauseEnds() {
      List<Runnable> due = new ArrayList<>(delayed);
      delayed.clear();
      due.forEach(Runnable::run);
    }
  }

  /** Notes how far each message says that a log is durable. */
  private static final class Watcher extends ServerCallStreamObserver<TimelineStatusResponse> {
    private final List<Lsn> flushed = new ArrayList<>();
    private boolean ready = true;
    private @Nullable Runnable onReady;

    void becomeReady() {
      ready = true;
      if (onReady != null) {
        onReady.run();
      }
    }

    @Override
    public void onNext(TimelineStatusResponse message) {
      flushed.add(new Lsn(message.getFlushLsn()));
    }

    @Override
    public boolean isReady() {
      return ready;
    }

    @Override
    public void setOnReadyHandler(Runnable handler) {
      onReady = handler;
    }

    @Override
    public boolean isCancelled() {
      return false;
    }

    @Override
    public void setOnCancelHandler(Runnable handler) {}

    @Override
    public void onError(Throwable failure) {
      throw new AssertionError(failure);
    }

    @Override
    public void onCompleted() {}

    @Override
    public void setCompression(String compression) {}

    @Override
    public void disableAutoInboundFlowControl() {}

    @Override
    public void request(int count) {}

    @Override
    public void setMessageCompression(boolean enable) {}
  }
}
