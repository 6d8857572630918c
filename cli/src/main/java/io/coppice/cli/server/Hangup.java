package io.coppice.cli.server;

import java.lang.reflect.Proxy;
import org.slf4j.LoggerFactory;

/**
 * SIGHUP. Java has signals in a class that compilers warn of, so it is taken by name; on a JVM
 * without it the signal ends the process, as by default.
 */
final class Hangup {
  private Hangup() {}

  /** Has a task run at each SIGHUP, on a thread of its own, instead of the end of the process. */
  @SuppressWarnings("ReferenceEquality") // a handler is equal to itself only
  static void run(Runnable task) {
    try {
      Class<?> signal = Class.forName("sun.misc.Signal");
      Class<?> handler = Class.forName("sun.misc.SignalHandler");
      Object handle =
          Proxy.newProxyInstance(
              Hangup.class.getClassLoader(),
              new Class<?>[] {handler},
              (proxy, method, arguments) ->
                  switch (method.getName()) {
                    case "handle" -> {
                      task.run();
                      yield null;
                    }
                    case "equals" -> proxy == arguments[0];
                    case "hashCode" -> System.identityHashCode(proxy);
                    default -> "SIGHUP";
                  });
      Object before =
          signal
              .getMethod("handle", signal, handler)
              .invoke(null, signal.getConstructor(String.class).newInstance("HUP"), handle);
      if (before == handler.getField("SIG_IGN").get(null)) {
        LoggerFactory.getLogger(Hangup.class)
            .warn("SIGHUP is ignored, as nohup has it: settings are read again by a restart only");
      }
    } catch (ReflectiveOperationException | IllegalArgumentException e) {
      LoggerFactory.getLogger(Hangup.class)
          .info("SIGHUP does not read settings again here: {}", e.toString());
    }
  }
}
