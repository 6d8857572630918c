package io.coppice.it.support;

import io.coppice.common.rpc.HostPort;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.ArrayList;
import java.util.List;

/** Ports of the loopback that nobody listens on. */
public final class Ports {
  private Ports() {}

  /** Different free ports, found at the same time. */
  public static List<HostPort> free(int count) throws IOException {
    List<ServerSocket> sockets = new ArrayList<>();
    try {
      List<HostPort> found = new ArrayList<>();
      for (int i = 0; i < count; i++) {
        ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
        sockets.add(socket);
        found.add(new HostPort("127.0.0.1", socket.getLocalPort()));
      }
      return found;
    } finally {
      for (ServerSocket socket : sockets) {
        socket.close();
      }
    }
  }

  /** Whether someone takes connections there. */
  public static boolean isListening(HostPort address) {
    try (Socket socket = new Socket()) {
      socket.connect(new InetSocketAddress(address.host(), address.port()), 1_000);
      return true;
    } catch (IOException _) {
      return false;
    }
  }
}
