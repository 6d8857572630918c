package io.coppice.compute.postgres;

import java.io.IOException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/**
 * Starts servers from one thread that lives as long as the process. The signal that a child gets at
 * its parent's death is sent when the <em>thread</em> that started it ends: started from a thread
 * of some pool, a healthy server would be told to quit as soon as that thread idles out.
 */
final class ProcessLauncher {
  private static final ExecutorService LAUNCHER =
      Executors.newSingleThreadExecutor(
          Thread.ofPlatform().daemon().name("process-launcher").factory());

  private ProcessLauncher() {}

  static Process start(ProcessBuilder builder) throws IOException, InterruptedException {
    try {
      return LAUNCHER.submit(builder::start).get();
    } catch (ExecutionException e) {
      if (e.getCause() instanceof IOException failure) {
        throw failure;
      }
      throw new IOException(e.getCause());
    }
  }
}
