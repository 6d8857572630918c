package io.coppice.safekeeper.server;

import static org.assertj.core.api.Assertions.assertThat;

import io.coppice.common.rpc.EventLoops;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
final class WorkerThreadsTest {
  private static final long FAST_NANOS = TimeUnit.MICROSECONDS.toNanos(200);
  private static final long SLOW_NANOS = TimeUnit.MILLISECONDS.toNanos(20);

  private final EventLoops loops = new EventLoops("loop", 1);
  private final WorkerThreads threads =
      new WorkerThreads(loops, Thread.ofPlatform().daemon().name("pool-", 0).factory());

  @AfterEach
  void close() throws InterruptedException {
    threads.close();
    loops.close();
  }

  /** On what thread a turn is that is handed over on this one. */
  private String handedOver() {
    CompletableFuture<String> name = new CompletableFuture<>();
    threads.executeShort(() -> name.complete(Thread.currentThread().getName()));
    return name.join();
  }

  /** On what threads so many turns are that are handed over at once by the event loop. */
  private List<String> handedOverByLoop(int count) {
    List<CompletableFuture<String>> names =
        Stream.generate(CompletableFuture<String>::new).limit(count).toList();
    loops.later(
        0,
        () ->
            names.forEach(name ->
                threads.executeShort(() -> name.complete(Thread.currentThread().getName()))));
    return names.stream().map(CompletableFuture::join).toList();
  }

  @Test
  void aTurnStaysOnTheLoopThatBroughtIt() {
    assertThat(handedOverByLoop(1).getFirst()).startsWith("loop");
    assertThat(handedOverByLoop(1).getFirst()).as("the loop was let go").startsWith("loop");
  }

  @Test
  void whatOtherThreadsHandOverGoesToThePool() {
    assertThat(handedOver()).startsWith("pool");
    assertThat(handedOverByLoop(1).getFirst()).as("nothing was taken by that").startsWith("loop");
  }

  @Test
  void oneTurnAtATimeIsOnTheLoop() {
    List<String> names = handedOverByLoop(3);

    assertThat(names.get(0)).startsWith("loop");
    assertThat(names.get(1)).startsWith("pool");
    assertThat(names.get(2)).startsWith("pool");
  }

  @Test
  void noTurnIsOnTheLoopWhileTheDiskIsSlow() {
    for (int i = 0; i < 3; i++) {
      threads.synced(SLOW_NANOS);
    }
    assertThat(handedOverByLoop(1).getFirst()).as("three may be chance").startsWith("loop");
    threads.synced(SLOW_NANOS);
    assertThat(handedOverByLoop(1).getFirst()).startsWith("pool");
    threads.synced(FAST_NANOS);
    assertThat(handedOverByLoop(1).getFirst()).startsWith("loop");
  }

  @Test
  void aTurnThatFailsLetsGoOfTheLoop() {
    CompletableFuture<Void> failed = new CompletableFuture<>();
    loops.later(
        0,
        () -> {
          threads.executeShort(() -> {
            throw new IllegalStateException("on purpose");
          });
          boolean isHere = loops.executeHere(() -> failed.complete(null));
          assertThat(isHere).isTrue();
        });
    failed.join();

    assertThat(handedOverByLoop(1).getFirst()).startsWith("loop");
  }
}
