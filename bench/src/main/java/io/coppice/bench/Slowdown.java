package io.coppice.bench;

import java.io.IOException;

/** Has a process run three of 300 ms, so a hundredth of the time, until closed. */
final class Slowdown implements AutoCloseable {
  private static final String SCRIPT =
      "while kill -CONT $0 && sleep 0.003 && kill -STOP $0; do sleep 0.297; done";

  private final Process slowed;
  private final Process script;

  private Slowdown(Process slowed, Process script) {
    this.slowed = slowed;
    this.script = script;
  }

  static Slowdown of(Process process) throws IOException {
    Process script =
        new ProcessBuilder("sh", "-c", SCRIPT, Long.toString(process.pid())).inheritIO().start();
    return new Slowdown(process, script);
  }

  @Override
  public void close() throws IOException {
    script.destroyForcibly().onExit().join();
    String pid = Long.toString(slowed.pid());
    new ProcessBuilder("kill", "-CONT", pid).inheritIO().start().onExit().join();
  }
}
