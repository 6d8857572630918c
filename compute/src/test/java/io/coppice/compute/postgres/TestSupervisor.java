package io.coppice.compute.postgres;

import io.coppice.common.platform.Clock;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.FutureTask;

/**
 * A process that starts a Postgres and then waits to be killed.
 *
 * <p>Arguments: data directory, log file, port.
 */
final class TestSupervisor {

  private TestSupervisor() {}

  public static void main(String[] arguments) throws Exception {
    FutureTask<PostgresServer> start = new FutureTask<>(() -> start(arguments));
    // The thread that asks for the start ends; Postgres must not mind.
    Thread.ofPlatform().start(start).join();
    PostgresServer server = start.get();
    System.out.println("ready " + server.pid());
    server.onExit().get();
  }

  private static PostgresServer start(String[] arguments) throws Exception {
    return PostgresServer.start(
        new PostgresServer.Spec(
            TestPostgres.installation(),
            TestPostgres.user(),
            Path.of(arguments[0]),
            Path.of(arguments[1]),
            List.of(
                "port=" + arguments[2],
                "listen_addresses=127.0.0.1",
                "unix_socket_directories=",
                "fsync=off")),
        60_000,
        Clock.SYSTEM);
  }
}
