package io.coppice.pageserver.timeline;

import io.coppice.common.error.Invariant;
import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.ArrayList;
import java.util.List;
import java.util.PriorityQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * The newest readable record of a timeline, and those who wait for a later one.
 *
 * <p>No wake-up is lost: a waiter enters the queue and lowers {@code lowestAwaited} before it looks
 * at the LSN once more; the writer stores the LSN before it looks at {@code lowestAwaited}; all
 * four are volatile. So one of the two sees the other. While nobody waits for what is published, a
 * record costs the writer no lock.
 */
final class LsnClock {
  private static final int WAITERS_MAX = 100_000;
  private static final long NOBODY = -1L;
  private static final VarHandle VERSION;

  static {
    try {
      VERSION = MethodHandles.lookup().findVarHandle(LsnClock.class, "version", long.class);
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  private volatile long last;
  private volatile long lowestAwaited = NOBODY;

  // The pair of last and previous: odd while it is written.
  @SuppressWarnings("UnusedVariable")
  private long version;

  private long pairLast;
  private long pairPrevious;

  private final ReentrantLock lock = new ReentrantLock();
  private final PriorityQueue<Waiter> waiters =
      new PriorityQueue<>((a, b) -> Long.compareUnsigned(a.lsn, b.lsn));
  private @Nullable StorageException closed;

  private static final class Waiter {
    final long lsn;
    final LsnCallback callback;

    Waiter(long lsn, LsnCallback callback) {
      this.lsn = lsn;
      this.callback = callback;
    }
  }

  LsnClock(RecordPosition position) {
    last = position.last().value();
    pairLast = position.last().value();
    pairPrevious = position.previous().value();
  }

  Lsn last() {
    return new Lsn(last);
  }

  /** Both LSNs, of one moment. */
  RecordPosition position() {
    while (true) {
      long before = (long) VERSION.getAcquire(this);
      long lastNow = pairLast;
      long previousNow = pairPrevious;
      VarHandle.acquireFence();
      if ((before & 1) == 0 && before == (long) VERSION.getOpaque(this)) {
        return new RecordPosition(new Lsn(lastNow), new Lsn(previousNow));
      }
      Thread.onSpinWait();
    }
  }

  /** The writer's: moves on and wakes those who waited for it. */
  void publish(Lsn start, Lsn end) {
    Invariant.check(
        Long.compareUnsigned(end.value(), last) >= 0, "last record LSN %s before %s", end, last());
    long before = (long) VERSION.getOpaque(this);
    VERSION.setOpaque(this, before + 1);
    VarHandle.storeStoreFence();
    pairLast = end.value();
    pairPrevious = start.value();
    VERSION.setRelease(this, before + 2);
    last = end.value();
    if (Long.compareUnsigned(lowestAwaited, end.value()) <= 0) {
      wake(end.value());
    }
  }

  private void wake(long reached) {
    List<Waiter> reachedBy = new ArrayList<>();
    lock.lock();
    try {
      while (!waiters.isEmpty() && Long.compareUnsigned(waiters.peek().lsn, reached) <= 0) {
        reachedBy.add(waiters.poll());
      }
      updateLowest();
    } finally {
      lock.unlock();
    }
    reachedBy.forEach(waiter -> waiter.callback.done(null));
  }

  private void updateLowest() {
    Waiter lowest = waiters.peek();
    lowestAwaited = lowest == null ? NOBODY : lowest.lsn;
  }

  /** See {@link Timeline#onLsn}. */
  LsnWait onLsn(Lsn lsn, LsnCallback callback) throws StorageException {
    Waiter waiter = new Waiter(lsn.value(), callback);
    if (Long.compareUnsigned(last, waiter.lsn) < 0) {
      lock.lock();
      try {
        if (closed != null) {
          throw closed;
        }
        if (waiters.size() >= WAITERS_MAX) {
          throw new StorageException.Transient(
              "%d requests wait for LSNs that are not here yet".formatted(WAITERS_MAX));
        }
        waiters.add(waiter);
        updateLowest();
        // The writer may have passed by before it could see us.
        boolean isReached = Long.compareUnsigned(last, waiter.lsn) >= 0;
        if (!isReached || !waiters.remove(waiter)) {
          return () -> cancel(waiter);
        }
        updateLowest();
      } finally {
        lock.unlock();
      }
    }
    callback.done(null);
    return () -> {};
  }

  private void cancel(Waiter waiter) {
    lock.lock();
    try {
      waiters.remove(waiter);
      updateLowest();
    } finally {
      lock.unlock();
    }
  }

  /** See {@link Timeline#waitForLsn}. */
  void await(Lsn lsn, long timeoutMillis) throws StorageException, InterruptedException {
    if (Long.compareUnsigned(last, lsn.value()) >= 0) {
      return;
    }
    CountDownLatch done = new CountDownLatch(1);
    AtomicReference<@Nullable StorageException> failure = new AtomicReference<>();
    try (LsnWait _ =
        onLsn(
            lsn,
            failed -> {
              failure.set(failed);
              done.countDown();
            })) {
      if (!done.await(timeoutMillis, TimeUnit.MILLISECONDS)) {
        throw new StorageException.Transient(
            "waited %d ms for LSN %s; the newest is %s".formatted(timeoutMillis, lsn, last()));
      }
    }
    StorageException failed = failure.get();
    if (failed != null) {
      throw failed;
    }
  }

  /** Ends all waits, and those to come, with a failure. */
  void close(StorageException why) {
    List<Waiter> left;
    lock.lock();
    try {
      closed = why;
      left = new ArrayList<>(waiters);
      waiters.clear();
      updateLowest();
    } finally {
      lock.unlock();
    }
    left.forEach(waiter -> waiter.callback.done(why));
  }
}
