package io.coppice.it.support;

import io.coppice.common.rpc.HostPort;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Ports of the loopback that nobody listens on. They are below those that connections are given,
 * and each Java process of the tests has its own, so that nobody takes one before its server does.
 */
public final class Ports {
  private static final int FIRST = 10_000;
  private static final int PROCESSES_MAX = 8;
  private static final int PORTS_PER_PROCESS = 2_500;

  /** Set by Maven; from 1. */
  private static final int PROCESS = Integer.getInteger("fork", 1) % PROCESSES_MAX;

  // Somewhere else in each run: others on this machine may run the same tests.
  private static final AtomicInteger NEXT =
      new AtomicInteger(new Random().nextInt(PORTS_PER_PROCESS));

  private Ports() {}

  /** Different free ports. */
  public static List<HostPort> free(int count) {
    List<HostPort> found = new ArrayList<>();
    for (int tries = 0; found.size() < count; tries++) {
      if (tries == PORTS_PER_PROCESS) {
        throw new IllegalStateException("no free ports");
      }
      int number = Math.floorMod(NEXT.getAndIncrement(), PORTS_PER_PROCESS);
      int port = FIRST + number * PROCESSES_MAX + PROCESS;
      try (ServerSocket socket = new ServerSocket(port, 1, InetAddress.getLoopbackAddress())) {
        found.add(new HostPort("127.0.0.1", socket.getLocalPort()));
      } catch (IOException _) {
        // Somebody has it.
      }
    }
    return found;
  }

  /** Whether someone takes connections there. */
  public static boolean isListening(HostPort address) {
    return isListening(address, 1_000);
  }

  /** Whether someone takes a connection there within that time. */
  public static boolean isListening(HostPort address, int timeoutMillis) {
    try (Socket socket = new Socket()) {
      socket.connect(new InetSocketAddress(address.host(), address.port()), timeoutMillis);
      return true;
    } catch (IOException _) {
      return false;
    }
  }
}
