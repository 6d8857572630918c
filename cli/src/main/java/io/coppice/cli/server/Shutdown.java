package io.coppice.cli.server;

import io.coppice.cli.output.Output;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * How a long-running command ends: SIGTERM and SIGINT close what it runs, and the process exits
 * with 0; if that fails or takes too long, with 1. A process that was started to serve another one
 * ends with that one.
 */
public final class Shutdown {

  /** Something to be closed. */
  @FunctionalInterface
  public interface Closer {
    void close() throws Exception;
  }

  private final Output output;
  private final long limitMillis;
  private final AtomicBoolean finished = new AtomicBoolean();

  private Shutdown(Output output, long limitMillis) {
    this.output = output;
    this.limitMillis = limitMillis;
  }

  /**
   * From now on, a signal closes and exits.
   *
   * @param limitMillis when that takes longer, it exits all the same: what must be durable is
   */
  public static Shutdown onSignal(Output output, long limitMillis, Closer closer) {
    Shutdown shutdown = new Shutdown(output, limitMillis);
    Runtime.getRuntime()
        .addShutdownHook(
            Thread.ofPlatform().name("shutdown").unstarted(() -> shutdown.run(closer)));
    return shutdown;
  }

  /** The command ended by itself: its exit code counts, and nothing is left to close. */
  public void finished() {
    finished.set(true);
  }

  private void run(Closer closer) {
    if (!finished.compareAndSet(false, true)) {
      return;
    }
    Thread.ofPlatform().name("shutdown-limit").daemon().start(this::endAtLimit);
    int code = 0;
    try {
      closer.close();
    } catch (Exception e) {
      output.message("could not shut down cleanly: " + e);
      code = 1;
    } finally {
      Runtime.getRuntime().halt(code);
    }
  }

  private void endAtLimit() {
    try {
      if (!new CountDownLatch(1).await(limitMillis, TimeUnit.MILLISECONDS)) {
        output.message("could not stop within %d s, ends now".formatted(limitMillis / 1_000));
      }
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
    }
    Runtime.getRuntime().halt(1);
  }

  /** Waits for the signal; never returns. */
  public static void awaitSignal() throws InterruptedException {
    new CountDownLatch(1).await();
  }

  /** Ends this process, as by SIGTERM, when that one ends. */
  public static void endWith(Optional<Long> pid) {
    pid.ifPresent(id ->
        ProcessHandle.of(id)
            .ifPresentOrElse(
                process -> {
                  var _ = process.onExit().thenRun(() -> System.exit(0));
                },
                () -> System.exit(0)));
  }
}
