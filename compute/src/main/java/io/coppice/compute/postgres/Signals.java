package io.coppice.compute.postgres;

import java.io.IOException;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Signals that Java itself cannot send: it knows SIGTERM and SIGKILL only. */
final class Signals {
  private static final Logger log = LoggerFactory.getLogger(Signals.class);
  private static final long TIMEOUT_MILLIS = 10_000;

  private Signals() {}

  /** Sends a signal by its name without SIG. That the process is gone already is no failure. */
  static void send(long pid, String signal) throws InterruptedException {
    try {
      Commands.Result result =
          Commands.run(
              List.of("/bin/sh", "-c", "kill -s \"$1\" \"$2\"", "sh", signal, Long.toString(pid)),
              TIMEOUT_MILLIS);
      if (!result.succeeded()) {
        log.info("SIG{} to process {}: {}", signal, pid, result.output());
      }
    } catch (IOException e) {
      log.warn("SIG{} to process {} could not be sent: {}", signal, pid, e.getMessage());
    }
  }
}
