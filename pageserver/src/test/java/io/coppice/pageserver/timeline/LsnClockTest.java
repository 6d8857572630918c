package io.coppice.pageserver.timeline;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.testsupport.Seeded;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class LsnClockTest {
  private final LsnClock clock = new LsnClock(new RecordPosition(new Lsn(100), Lsn.INVALID));

  @Test
  void doesNotWaitForWhatIsHere() throws Exception {
    clock.await(new Lsn(100), 0);
    AtomicInteger called = new AtomicInteger();
    clock.onLsn(new Lsn(50), _ -> called.incrementAndGet());
    assertThat(called).hasValue(1);
  }

  @Test
  void tellsWhoWaitedTooLongWhatTheNewestIs() {
    assertThatThrownBy(() -> clock.await(new Lsn(0x200), 10))
        .isInstanceOf(StorageException.Transient.class)
        .hasMessageContaining("0/200")
        .hasMessageContaining("0/64");
  }

  @Test
  void wakesInOrderAndOnlyWhoIsReached() throws Exception {
    List<Integer> woken = new ArrayList<>();
    clock.onLsn(new Lsn(300), _ -> woken.add(300));
    clock.onLsn(new Lsn(200), _ -> woken.add(200));
    LsnWait cancelled = clock.onLsn(new Lsn(250), _ -> woken.add(250));
    cancelled.close();
    clock.publish(new Lsn(100), new Lsn(199));
    assertThat(woken).isEmpty();
    clock.publish(new Lsn(199), new Lsn(299));
    assertThat(woken).containsExactly(200);
    clock.publish(new Lsn(299), new Lsn(301));
    assertThat(woken).containsExactly(200, 300);
    assertThat(clock.position()).isEqualTo(new RecordPosition(new Lsn(301), new Lsn(299)));
  }

  @Test
  void endsAllWaitsWhenClosed() throws Exception {
    List<StorageException> failures = new ArrayList<>();
    clock.onLsn(new Lsn(300), failures::add);
    StorageException why = new StorageException.Transient("closed");
    clock.close(why);
    assertThat(failures).containsExactly(why);
    assertThatThrownBy(() -> clock.onLsn(new Lsn(300), failures::add)).isSameAs(why);
  }

  /** One wait and one publication for it, let go at the same moment, again and again. */
  @Test
  void losesNoWakeUpOfAWaiterThatJustComes() throws Exception {
    int rounds = 100_000;
    AtomicReferenceArray<LsnClock> clocks = new AtomicReferenceArray<>(rounds);
    for (int i = 0; i < rounds; i++) {
      clocks.set(i, new LsnClock(new RecordPosition(new Lsn(100), Lsn.INVALID)));
    }
    AtomicInteger called = new AtomicInteger();
    AtomicInteger waiting = new AtomicInteger();
    AtomicInteger publishing = new AtomicInteger();
    try (ExecutorService threads = Executors.newFixedThreadPool(2)) {
      Future<?> waiter =
          threads.submit(() -> {
            for (int i = 0; i < rounds; i++) {
              meet(waiting, publishing, i);
              pause(i % 13);
              clocks.get(i).onLsn(new Lsn(101), _ -> called.incrementAndGet());
            }
            return null;
          });
      for (int i = 0; i < rounds; i++) {
        meet(publishing, waiting, i);
        pause(i % 61);
        clocks.get(i).publish(new Lsn(100), new Lsn(101));
      }
      waiter.get();
    }
    assertThat(called).hasValue(rounds);
  }

  private static void pause(int spins) {
    for (int i = 0; i < spins; i++) {
      Thread.onSpinWait();
    }
  }

  @SuppressWarnings("ThreadPriorityCheck")
  private static void meet(AtomicInteger mine, AtomicInteger other, int round) {
    mine.set(round + 1);
    for (int spins = 0; other.get() <= round; spins++) {
      if (spins > 1_000) {
        Thread.yield();
      } else {
        Thread.onSpinWait();
      }
    }
  }

  @Seeded(tries = 20)
  void losesNoWakeUp(long seed) throws Exception {
    int waits = 2_000;
    RandomGenerator random = RandomGeneratorFactory.of("L64X128MixRandom").create(seed);
    AtomicInteger reached = new AtomicInteger();
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      Future<?> writer =
          threads.submit(() -> {
            for (int lsn = 101; lsn <= 100 + waits; lsn++) {
              clock.publish(new Lsn(lsn - 1), new Lsn(lsn));
            }
          });
      List<Future<?>> waiters = new ArrayList<>();
      for (int i = 0; i < waits; i++) {
        Lsn lsn = new Lsn(100 + 1 + random.nextInt(waits));
        waiters.add(
            threads.submit(() -> {
              clock.await(lsn, 30_000);
              assertThat(clock.last()).isGreaterThanOrEqualTo(lsn);
              reached.incrementAndGet();
              return null;
            }));
      }
      writer.get();
      for (Future<?> waiter : waiters) {
        waiter.get();
      }
    }
    assertThat(reached).hasValue(waits);
  }
}
