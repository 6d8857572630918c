package io.coppice.bench;

import io.coppice.common.rpc.HostPort;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

/**
 * A page server and three safekeepers, each in a process of its own, with one tenant and an
 * endpoint of its branch main.
 */
final class Deployment implements AutoCloseable {
  private static final int SAFEKEEPERS = 3;

  private final Roles roles;
  private final Process pageserver;
  private final List<Process> safekeepers;
  private final HostPort endpoint;

  private Deployment(
      Roles roles, Process pageserver, List<Process> safekeepers, HostPort endpoint) {
    this.roles = roles;
    this.pageserver = pageserver;
    this.safekeepers = safekeepers;
    this.endpoint = endpoint;
  }

  /** Starts all of them; their files and logs are below the directory. */
  static Deployment start(Path directory) throws BenchFailure, IOException, InterruptedException {
    List<HostPort> ports = Machine.freePorts(SAFEKEEPERS + 2);
    HostPort page = ports.get(SAFEKEEPERS);
    HostPort endpoint = ports.get(SAFEKEEPERS + 1);
    List<HostPort> addresses = ports.subList(0, SAFEKEEPERS);
    Roles roles = new Roles(directory, settings(directory, page, addresses));
    boolean started = false;
    try {
      List<Process> safekeepers = new ArrayList<>();
      for (int id = 1; id <= SAFEKEEPERS; id++) {
        safekeepers.add(
            roles.start(
                "safekeeper-" + id,
                addresses.get(id - 1),
                "safekeeper",
                "--id",
                Integer.toString(id)));
      }
      Process pageserver = roles.start("pageserver", page, "pageserver");
      roles.run("tenant", "create", "bench");
      Deployment deployment = new Deployment(roles, pageserver, safekeepers, endpoint);
      deployment.startEndpoint();
      started = true;
      return deployment;
    } finally {
      if (!started) {
        roles.close();
      }
    }
  }

  private static List<String> settings(
      Path directory, HostPort pageserver, List<HostPort> safekeepers) {
    return List.of(
        "--data-dir",
        directory.resolve("data").toString(),
        "--set",
        "cluster.pageserver=" + pageserver,
        "--set",
        "cluster.safekeepers="
            + safekeepers.stream().map(HostPort::toString).collect(Collectors.joining(",")),
        "--set",
        "status.listen=127.0.0.1:0");
  }

  /** As a user does, with a command; returns when Postgres takes connections. */
  void startEndpoint() throws BenchFailure, IOException, InterruptedException {
    roles.run("endpoint", "start", "main", "--port", Integer.toString(endpoint.port()));
  }

  /** Another process that takes over at the endpoint's port; returns when it is ready for that. */
  Process standBy(String name) throws BenchFailure, IOException, InterruptedException {
    return roles.startTelling(
        name,
        "stands by",
        "endpoint",
        "standby",
        "main",
        "--port",
        Integer.toString(endpoint.port()));
  }

  HostPort endpoint() {
    return endpoint;
  }

  /** From 1. */
  Process safekeeper(int id) {
    return safekeepers.get(id - 1);
  }

  /** The most memory that all storage has had resident, in bytes. */
  long peakResidentBytes() throws IOException {
    long sum = Machine.peakResidentBytes(pageserver.pid());
    for (Process safekeeper : safekeepers) {
      sum += Machine.peakResidentBytes(safekeeper.pid());
    }
    return sum;
  }

  @Override
  public void close() throws BenchFailure, IOException {
    try {
      roles.run("endpoint", "stop", "main");
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
    } finally {
      roles.close();
    }
  }
}
