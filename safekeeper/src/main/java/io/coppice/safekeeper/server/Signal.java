package io.coppice.safekeeper.server;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/** Wakes one waiting thread; a signal given while nobody waits is kept. */
final class Signal {
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition given = lock.newCondition();
  private final Condition never = lock.newCondition();
  private boolean pending;

  void give() {
    lock.lock();
    try {
      pending = true;
      given.signal();
    } finally {
      lock.unlock();
    }
  }

  void await() throws InterruptedException {
    lock.lock();
    try {
      while (!pending) {
        given.await();
      }
      pending = false;
    } finally {
      lock.unlock();
    }
  }

  /** Lets so long pass. A signal given meanwhile is kept, and costs no change of threads. */
  void rest(long millis) throws InterruptedException {
    lock.lock();
    try {
      long leftNanos = TimeUnit.MILLISECONDS.toNanos(millis);
      while (leftNanos > 0) {
        leftNanos = never.awaitNanos(leftNanos);
      }
    } finally {
      lock.unlock();
    }
  }
}
