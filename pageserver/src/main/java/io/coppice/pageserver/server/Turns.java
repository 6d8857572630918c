package io.coppice.pageserver.server;

import io.coppice.proto.page.GetPageClass;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Has reads that nobody waits for yet go behind those that somebody does. What can wait is done a
 * few pages at a time, by one for each class; before each few it lets normal requests go first, but
 * not for ever: so even where these never cease it gets on. Thread safe.
 */
final class Turns {
  /** Pages that are read before others are let go first again. */
  static final int PAGES_AT_ONCE = 16;

  private static final long PREFETCH_YIELD_MICROS = 200;
  private static final long BACKGROUND_YIELD_MICROS = 2_000;

  private final AtomicInteger normal = new AtomicInteger();
  private final AtomicInteger yielding = new AtomicInteger();
  private final Semaphore prefetch = new Semaphore(1, true);
  private final Semaphore background = new Semaphore(1, true);
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition quiet = lock.newCondition();

  /** Whether a request of that class is one that somebody waits for. */
  static boolean isNormal(GetPageClass requestClass) {
    return switch (requestClass) {
      case GET_PAGE_CLASS_PREFETCH, GET_PAGE_CLASS_BACKGROUND -> false;
      case GET_PAGE_CLASS_UNKNOWN, GET_PAGE_CLASS_NORMAL, UNRECOGNIZED -> true;
    };
  }

  /** A normal request is being answered from now on, until {@link #endNormal}. Does not block. */
  void beginNormal() {
    normal.incrementAndGet();
  }

  /** Each has to follow a {@link #beginNormal}. */
  void endNormal() {
    if (normal.decrementAndGet() == 0 && yielding.get() > 0) {
      lock.lock();
      try {
        quiet.signalAll();
      } finally {
        lock.unlock();
      }
    }
  }

  /** Takes a turn of a class that can wait; to be closed after a few pages. Blocks. */
  Turn take(GetPageClass requestClass) throws InterruptedException {
    boolean isPrefetch = requestClass == GetPageClass.GET_PAGE_CLASS_PREFETCH;
    Semaphore one = isPrefetch ? prefetch : background;
    one.acquire();
    try {
      letNormalGoFirst(isPrefetch ? PREFETCH_YIELD_MICROS : BACKGROUND_YIELD_MICROS);
    } catch (InterruptedException e) {
      one.release();
      throw e;
    }
    return one::release;
  }

  private void letNormalGoFirst(long microsMax) throws InterruptedException {
    if (normal.get() == 0) {
      return;
    }
    long leftNanos = TimeUnit.MICROSECONDS.toNanos(microsMax);
    yielding.incrementAndGet();
    lock.lock();
    try {
      while (normal.get() > 0 && leftNanos > 0) {
        leftNanos = quiet.awaitNanos(leftNanos);
      }
    } finally {
      lock.unlock();
      yielding.decrementAndGet();
    }
  }

  /** A turn that was taken. */
  interface Turn extends AutoCloseable {
    @Override
    void close();
  }
}
