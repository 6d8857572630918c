package io.coppice.common.rpc;

import java.net.InetSocketAddress;

/** Where a server listens. An IPv6 address is written in brackets. */
public record HostPort(String host, int port) {
  private static final int PORT_MAX = 65_535;

  public HostPort {
    if (host.isEmpty() || port < 0 || port > PORT_MAX) {
      throw malformed(host + ":" + port);
    }
  }

  /**
   * Reads {@code host:port}.
   *
   * @throws IllegalArgumentException if the text has no host or no port from 0 to 65535
   */
  public static HostPort parse(String text) {
    int colon = text.lastIndexOf(':');
    if (colon < 1) {
      throw malformed(text);
    }
    String host = text.substring(0, colon);
    if (host.startsWith("[") && host.endsWith("]")) {
      host = host.substring(1, host.length() - 1);
    }
    int port;
    try {
      port = Integer.parseInt(text.substring(colon + 1));
    } catch (NumberFormatException _) {
      throw malformed(text);
    }
    return new HostPort(host, port);
  }

  private static IllegalArgumentException malformed(String text) {
    return new IllegalArgumentException(
        "not an address: \"%s\" (expected host:port, such as 127.0.0.1:7100)".formatted(text));
  }

  public InetSocketAddress toSocketAddress() {
    return new InetSocketAddress(host, port);
  }

  @Override
  public String toString() {
    return host.contains(":") ? "[" + host + "]:" + port : host + ":" + port;
  }
}
