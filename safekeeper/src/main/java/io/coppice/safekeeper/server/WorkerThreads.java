package io.coppice.safekeeper.server;

import io.coppice.common.rpc.EventLoops;
import java.util.concurrent.Executor;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * The threads on which timelines' workers have their turns: a pool, or the event loop that brought
 * what there is to do. On the loop a commit costs no change of threads, which are dearer than a
 * sync on a fast disk; but what else that loop serves waits meanwhile. So at most one turn at a
 * time is on a loop, of which there are two at least, and none while the disk is slow.
 */
final class WorkerThreads implements Executor {
  private static final int POOL_THREADS_MAX = 32;
  private static final long IDLE_THREAD_SECONDS = 30;

  /** Of a sync. A disk is slow after several such, and fast after one that is not. */
  private static final long SLOW_NANOS = TimeUnit.MILLISECONDS.toNanos(5);

  private static final int SLOW_IN_A_ROW_MAX = 3;

  private final ThreadPoolExecutor pool;
  private final EventLoops loops;
  private final AtomicBoolean loopTaken = new AtomicBoolean();
  private final AtomicInteger slowInARow = new AtomicInteger();

  WorkerThreads(EventLoops loops, ThreadFactory poolThreads) {
    this.loops = loops;
    this.pool =
        new ThreadPoolExecutor(
            POOL_THREADS_MAX,
            POOL_THREADS_MAX,
            IDLE_THREAD_SECONDS,
            TimeUnit.SECONDS,
            new LinkedBlockingQueue<>(),
            poolThreads);
    pool.allowCoreThreadTimeOut(true);
  }

  /** On the pool: it may take its time. */
  @Override
  public void execute(Runnable task) {
    pool.execute(task);
  }

  /** A turn that is expected to be short: on the event loop that this is called on, if it may. */
  void executeShort(Runnable turn) {
    if (slowInARow.get() > SLOW_IN_A_ROW_MAX || !loopTaken.compareAndSet(false, true)) {
      pool.execute(turn);
      return;
    }
    boolean isHere =
        loops.executeHere(() -> {
          try {
            turn.run();
          } finally {
            loopTaken.set(false);
          }
        });
    if (!isHere) {
      loopTaken.set(false);
      pool.execute(turn);
    }
  }

  /** Tells how long the disk took. */
  void synced(long nanos) {
    if (nanos >= SLOW_NANOS) {
      slowInARow.incrementAndGet();
    } else if (slowInARow.get() > 0) {
      slowInARow.set(0);
    }
  }

  /** Takes nothing more, and waits for what was taken. */
  void close() throws InterruptedException {
    pool.shutdown();
    if (!pool.awaitTermination(IDLE_THREAD_SECONDS, TimeUnit.SECONDS)) {
      pool.shutdownNow();
    }
  }
}
