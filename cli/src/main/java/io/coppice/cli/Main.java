package io.coppice.cli;

import io.coppice.common.platform.Clock;

/** Where the process begins. */
public final class Main {
  private Main() {}

  public static void main(String[] arguments) {
    System.exit(new Cli(System.out, System.err, System.getenv(), Clock.SYSTEM).run(arguments));
  }
}
