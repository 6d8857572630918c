package io.coppice.compute.endpoint;

import io.coppice.common.error.StorageException;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;

/**
 * A part of a start that goes on beside others, on a thread of its own, until somebody needs what
 * it gives.
 */
final class Step<T> {
  private final FutureTask<T> task;

  private Step(FutureTask<T> task) {
    this.task = task;
  }

  static <T> Step<T> begin(String name, Callable<T> work) {
    FutureTask<T> task = new FutureTask<>(work);
    Thread.ofPlatform().daemon().name(name).start(task);
    return new Step<>(task);
  }

  /** What it gives; fails as it has failed. */
  T await() throws StorageException, InterruptedException {
    try {
      return task.get();
    } catch (ExecutionException e) {
      switch (e.getCause()) {
        case StorageException failure -> throw failure;
        case InterruptedException interrupted -> throw interrupted;
        case RuntimeException failure -> throw failure;
        case Error failure -> throw failure;
        case null, default -> throw new IllegalStateException(e);
      }
    }
  }

  /** Waits until it is over, however it ends. */
  void join() throws InterruptedException {
    try {
      var _ = task.get();
    } catch (ExecutionException _) {
      // whoever needed it was told
    }
  }
}
