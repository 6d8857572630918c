package io.coppice.it.support;

import io.coppice.it.support.Commands.Result;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Hosts of a network of their own on this machine: each is a network namespace with a link to a
 * bridge, on which this process is, too. A link can be cut, and then nothing passes it in either
 * direction and nobody is told so.
 *
 * <pre>
 *   this process -- bridge 198.18.N.254 --+-- link 1 -- namespace 1, 198.18.N.1
 *                                         +-- link 2 -- namespace 2, 198.18.N.2
 * </pre>
 *
 * <p>Names have the pid of this process in them. What was left by one that is gone is removed.
 */
public final class Network implements AutoCloseable {
  private static final String NAMESPACE = "coppice-";
  private static final int SUBNETS = 250;
  private static final Pattern OWNED = Pattern.compile(NAMESPACE + "([0-9]{1,18})-[^ ]*");
  private static final int BRIDGE_HOST = 254;

  private final long pid = ProcessHandle.current().pid();
  private final List<Host> hosts = new ArrayList<>();
  private final Thread atExit = new Thread(this::remove, "remove network");

  private Network() {}

  /**
   * One end of a link.
   *
   * @param link the other end, at the bridge
   */
  public record Host(String namespace, String link, String address) {
    /** What to put before a command that is to run there. */
    public List<String> prefix() {
      return List.of("ip", "netns", "exec", namespace);
    }
  }

  /** Why there can be no such network here; empty if there can. */
  public static Optional<String> missing() throws InterruptedException {
    long pid = ProcessHandle.current().pid();
    String namespace = NAMESPACE + pid + "-probe";
    String bridge = linkPrefix(pid) + "p";
    Result made = Commands.run("ip", "netns", "add", namespace);
    if (made.exitCode() == 0) {
      Commands.succeed("ip", "netns", "delete", namespace);
      made = Commands.run("ip", "link", "add", bridge, "type", "bridge");
    }
    if (made.exitCode() == 0) {
      Commands.succeed("ip", "link", "delete", bridge);
      return Optional.empty();
    }
    return Optional.of(
        "networks of namespaces need root, iproute2's `ip` and bridges; it said: " + made.output());
  }

  /** Makes one; to be closed. */
  public static Network create(int hosts) throws InterruptedException {
    removeLeftovers();
    Network network = new Network();
    Runtime.getRuntime().addShutdownHook(network.atExit);
    boolean made = false;
    try {
      network.make(hosts);
      made = true;
      return network;
    } finally {
      if (!made) {
        network.close();
      }
    }
  }

  private void make(int count) throws InterruptedException {
    Commands.succeed("ip", "link", "add", bridge(), "type", "bridge");
    Commands.succeed("ip", "address", "add", address(BRIDGE_HOST) + "/24", "dev", bridge());
    Commands.succeed("ip", "link", "set", bridge(), "up");
    for (int i = 1; i <= count; i++) {
      Host host = new Host(NAMESPACE + pid + "-" + i, linkPrefix(pid) + "h" + i, address(i));
      String inside = linkPrefix(pid) + "n" + i;
      hosts.add(host);
      Commands.succeed("ip", "netns", "add", host.namespace());
      Commands.succeed("ip", "link", "add", host.link(), "type", "veth", "peer", "name", inside);
      Commands.succeed("ip", "link", "set", inside, "netns", host.namespace());
      Commands.succeed("ip", "link", "set", host.link(), "master", bridge(), "up");
      in(host, "link", "set", "lo", "up");
      in(host, "address", "add", host.address() + "/24", "dev", inside);
      in(host, "link", "set", inside, "up");
    }
  }

  private static void in(Host host, String... arguments) throws InterruptedException {
    List<String> command = new ArrayList<>(List.of("ip", "-n", host.namespace()));
    command.addAll(List.of(arguments));
    Commands.succeed(command.toArray(String[]::new));
  }

  /** At most 15 bytes, with what follows. */
  private static String linkPrefix(long pid) {
    return "cp" + Long.toString(pid, Character.MAX_RADIX);
  }

  private String bridge() {
    return linkPrefix(pid) + "b";
  }

  /** Of the networks that are meant for tests. */
  private String address(int host) {
    return "198.18.%d.%d".formatted(pid % SUBNETS, host);
  }

  public List<Host> hosts() {
    return List.copyOf(hosts);
  }

  /** From now on nothing reaches that host, and nothing comes from it. */
  public void cut(Host host) throws InterruptedException {
    Commands.succeed("ip", "link", "set", host.link(), "down");
  }

  public void heal(Host host) throws InterruptedException {
    Commands.succeed("ip", "link", "set", host.link(), "up");
  }

  private static void removeLeftovers() throws InterruptedException {
    for (String line : Commands.run("ip", "netns", "list").output().lines().toList()) {
      Matcher name = OWNED.matcher(line);
      if (name.lookingAt()) {
        long owner = Long.parseLong(name.group(1));
        if (ProcessHandle.of(owner).isEmpty()) {
          var _ = Commands.run("ip", "netns", "delete", name.group());
          var _ = Commands.run("ip", "link", "delete", linkPrefix(owner) + "b");
        }
      }
    }
  }

  private void remove() {
    try {
      for (Host host : hosts) {
        var _ = Commands.run("ip", "link", "delete", host.link()); // both of its ends
        var _ = Commands.run("ip", "netns", "delete", host.namespace());
      }
      var _ = Commands.run("ip", "link", "delete", bridge());
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
    }
  }

  @Override
  public void close() {
    remove();
    Runtime.getRuntime().removeShutdownHook(atExit);
  }
}
