package io.coppice.pageserver.server;

import static org.assertj.core.api.Assertions.assertThat;

import io.coppice.proto.page.GetPageClass;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class TurnsTest {
  private final Turns turns = new Turns();

  @Test
  void knowsWhatCanWait() {
    assertThat(Turns.isNormal(GetPageClass.GET_PAGE_CLASS_NORMAL)).isTrue();
    assertThat(Turns.isNormal(GetPageClass.GET_PAGE_CLASS_UNKNOWN)).isTrue();
    assertThat(Turns.isNormal(GetPageClass.GET_PAGE_CLASS_PREFETCH)).isFalse();
    assertThat(Turns.isNormal(GetPageClass.GET_PAGE_CLASS_BACKGROUND)).isFalse();
  }

  @Test
  void letsNormalRequestsGoFirstButNotForEver() throws Exception {
    turns.beginNormal();
    long startNanos = System.nanoTime();
    turns.take(GetPageClass.GET_PAGE_CLASS_PREFETCH).close();
    long prefetchNanos = System.nanoTime() - startNanos;
    turns.take(GetPageClass.GET_PAGE_CLASS_BACKGROUND).close();
    long bothNanos = System.nanoTime() - startNanos;
    assertThat(prefetchNanos).isGreaterThanOrEqualTo(200_000);
    assertThat(bothNanos - prefetchNanos).isGreaterThanOrEqualTo(2_000_000);
    turns.endNormal();
  }

  @Test
  void goesOnWhenTheLastNormalRequestEnds() throws Exception {
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      for (int i = 0; i < 2_000; i++) {
        turns.beginNormal();
        CountDownLatch begun = new CountDownLatch(1);
        Future<?> background =
            threads.submit(() -> {
              begun.countDown();
              turns.take(GetPageClass.GET_PAGE_CLASS_BACKGROUND).close();
              return null;
            });
        begun.await();
        turns.endNormal();
        background.get(10, TimeUnit.SECONDS);
      }
    }
  }

  @Test
  void oneOfAClassReadsAtATime() throws Exception {
    AtomicInteger reading = new AtomicInteger();
    AtomicInteger most = new AtomicInteger();
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      for (int i = 0; i < 50; i++) {
        Future<?> _ =
            threads.submit(() -> {
              try (Turns.Turn _ = turns.take(GetPageClass.GET_PAGE_CLASS_BACKGROUND)) {
                most.accumulateAndGet(reading.incrementAndGet(), Math::max);
                LockSupport.parkNanos(10_000);
                reading.decrementAndGet();
              }
              return null;
            });
      }
    }
    assertThat(most).hasValue(1);
  }
}
