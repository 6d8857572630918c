package io.coppice.cli.demo;

import io.coppice.cli.output.CommandFailure;
import io.coppice.cli.output.ExitCode;
import io.coppice.cli.server.EndpointSupervisor;
import io.coppice.cli.server.SelfCommand;
import io.coppice.common.config.ConfigLoader;
import io.coppice.common.config.CoppiceConfig;
import io.coppice.common.error.StorageException;
import io.coppice.common.platform.Clock;
import io.coppice.common.rpc.HostPort;
import io.coppice.compute.endpoint.EndpointRegistry;
import io.coppice.compute.endpoint.EndpointState;
import io.coppice.compute.storage.BranchInfo;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Storage in a temporary directory, each role a process of its own. Whatever happens, closing ends
 * every process and removes the directory; and all of them end by themselves if we are killed.
 */
final class DemoCluster {
  static final int SAFEKEEPERS = 3;

  private static final long READY_TIMEOUT_MILLIS = 30_000;
  private static final long STOP_TIMEOUT_MILLIS = 20_000;
  private static final int CONNECT_TIMEOUT_MILLIS = 500;
  private static final int POLL_MILLIS = 25;
  private static final int LOG_LINES_SHOWN = 15;

  private final Path directory;
  private final CoppiceConfig config;
  private final Clock clock;
  private final boolean keep;
  private final Map<String, Process> roles = new LinkedHashMap<>();
  private boolean closed;

  private DemoCluster(Path directory, CoppiceConfig config, boolean keep, Clock clock) {
    this.directory = directory;
    this.config = config;
    this.keep = keep;
    this.clock = clock;
  }

  /** Makes the directory and the configuration; starts nothing yet. */
  static DemoCluster create(Path parent, Optional<Path> pgBin, boolean keep, Clock clock)
      throws IOException, StorageException {
    Path directory = Files.createTempDirectory(parent, "coppice-demo-");
    // Postgres may run as another user, who must be able to enter.
    Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("rwxr-xr-x"));
    List<Integer> ports = freePorts(2 + 2 * SAFEKEEPERS);
    StringBuilder toml = new StringBuilder();
    toml.append("data_dir = \"%s\"%n[cluster]%n".formatted(directory.resolve("data")));
    toml.append("pageserver = \"127.0.0.1:%d\"%n".formatted(ports.getFirst()));
    List<String> safekeepers =
        ports.subList(1, 1 + SAFEKEEPERS).stream().map("\"127.0.0.1:%d\""::formatted).toList();
    toml.append("safekeepers = [%s]%n".formatted(String.join(", ", safekeepers)));
    toml.append("[status]%nlisten = \"127.0.0.1:0\"%n".formatted());
    pgBin.ifPresent(
        bin -> toml.append("[endpoint]%npg_bin = \"%s\"%n".formatted(bin.toAbsolutePath())));
    Path file = directory.resolve(CoppiceConfig.FILE_NAME);
    Files.writeString(file, toml);
    CoppiceConfig config =
        CoppiceConfig.of(
            ConfigLoader.load(Optional.of(file), Map.of(), List.of()), directory.resolve("data"));
    return new DemoCluster(directory, config, keep, clock);
  }

  private static List<Integer> freePorts(int count) throws IOException {
    List<ServerSocket> sockets = new ArrayList<>();
    try {
      for (int i = 0; i < count; i++) {
        sockets.add(new ServerSocket(0, 1, InetAddress.getLoopbackAddress()));
      }
      return sockets.stream().map(ServerSocket::getLocalPort).toList();
    } finally {
      for (ServerSocket socket : sockets) {
        socket.close();
      }
    }
  }

  CoppiceConfig config() {
    return config;
  }

  Path directory() {
    return directory;
  }

  /** Starts all storage roles and waits until each takes connections. */
  void startStorage() throws IOException, InterruptedException, CommandFailure {
    for (int id = 1; id <= SAFEKEEPERS; id++) {
      start("safekeeper-" + id, List.of("safekeeper", "--id", Integer.toString(id)));
    }
    start("pageserver", List.of("pageserver"));
    for (int id = 1; id <= SAFEKEEPERS; id++) {
      awaitListening("safekeeper-" + id, config.cluster().safekeepers().get(id - 1));
    }
    awaitListening("pageserver", config.cluster().pageserver());
  }

  private synchronized void start(String name, List<String> command)
      throws IOException, CommandFailure {
    if (closed) {
      throw new CommandFailure(ExitCode.INTERNAL, "the demo is being stopped");
    }
    List<String> arguments = new ArrayList<>(command);
    arguments.addAll(
        List.of(
            "--config",
            directory.resolve(CoppiceConfig.FILE_NAME).toString(),
            "--end-with",
            Long.toString(ProcessHandle.current().pid())));
    roles.put(name, SelfCommand.start(arguments, log(name)));
  }

  private Path log(String name) {
    return directory.resolve(name + ".log");
  }

  private synchronized Process role(String name) {
    Process process = roles.get(name);
    if (process == null) {
      throw new IllegalArgumentException("no such role: " + name);
    }
    return process;
  }

  private void awaitListening(String name, HostPort address)
      throws InterruptedException, CommandFailure {
    long deadline = clock.monotonicMillis() + READY_TIMEOUT_MILLIS;
    while (!isListening(address)) {
      boolean ended = role(name).waitFor(POLL_MILLIS, TimeUnit.MILLISECONDS);
      if (ended || clock.monotonicMillis() > deadline) {
        throw new CommandFailure(
            ended ? ExitCode.INTERNAL : ExitCode.TIMED_OUT, "the " + name + " did not start");
      }
    }
  }

  private static boolean isListening(HostPort address) {
    try (Socket socket = new Socket()) {
      socket.connect(new InetSocketAddress(address.host(), address.port()), CONNECT_TIMEOUT_MILLIS);
      return true;
    } catch (IOException _) {
      return false;
    }
  }

  /** Starts Postgres on a branch. */
  EndpointState startEndpoint(BranchInfo branch)
      throws StorageException, CommandFailure, IOException, InterruptedException {
    EndpointSupervisor.Request request =
        new EndpointSupervisor.Request(
            Optional.of(branch.tenant().toString()),
            branch.timeline().toString(),
            OptionalInt.empty(),
            Optional.empty(),
            Optional.of(ProcessHandle.current().pid()));
    return EndpointSupervisor.spawn(config, request, clock);
  }

  /** SIGKILL; returns when the process is gone. */
  void kill9(String name) throws InterruptedException {
    role(name).destroyForcibly().waitFor();
  }

  /** The ends of all logs, to see why something failed. */
  String logs() {
    StringBuilder text = new StringBuilder();
    try (Stream<Path> files =
        Files.find(directory, 6, (path, _) -> path.toString().endsWith(".log"))) {
      for (Path file : files.sorted().toList()) {
        List<String> lines = Files.readAllLines(file);
        text.append("--- end of %s%n".formatted(directory.relativize(file)));
        lines
            .subList(Math.max(0, lines.size() - LOG_LINES_SHOWN), lines.size())
            .forEach(line -> text.append(line).append('\n'));
      }
    } catch (IOException e) {
      text.append("cannot read the logs: ").append(e.getMessage()).append('\n');
    }
    return text.toString();
  }

  /** Ends every process, endpoints first, and removes the directory; what is left, in words. */
  List<String> close() throws InterruptedException {
    List<String> left = new ArrayList<>();
    synchronized (this) {
      closed = true;
    }
    try {
      stopEndpoints();
    } catch (StorageException e) {
      left.add(String.valueOf(e.getMessage()));
    }
    List<Process> processes;
    synchronized (this) {
      processes = List.copyOf(roles.values());
    }
    processes.forEach(Process::destroy);
    for (Process process : processes) {
      if (!process.waitFor(STOP_TIMEOUT_MILLIS, TimeUnit.MILLISECONDS)) {
        left.add("process %d had to be killed".formatted(process.pid()));
        process.destroyForcibly().waitFor();
      }
    }
    if (!keep) {
      try {
        deleteTree();
      } catch (IOException e) {
        left.add("cannot remove %s: %s".formatted(directory, e));
      }
    }
    return left;
  }

  private void stopEndpoints() throws StorageException, InterruptedException {
    EndpointRegistry registry = new EndpointRegistry(config.dataDir(), clock);
    for (EndpointState endpoint : registry.list()) {
      registry.stop(endpoint, STOP_TIMEOUT_MILLIS);
    }
  }

  private void deleteTree() throws IOException {
    if (!Files.exists(directory)) {
      return;
    }
    Files.walkFileTree(
        directory,
        new SimpleFileVisitor<>() {
          @Override
          public FileVisitResult visitFile(Path file, BasicFileAttributes attributes)
              throws IOException {
            Files.deleteIfExists(file);
            return FileVisitResult.CONTINUE;
          }

          @Override
          public FileVisitResult postVisitDirectory(Path visited, @Nullable IOException failure)
              throws IOException {
            Files.deleteIfExists(visited);
            return FileVisitResult.CONTINUE;
          }
        });
  }
}
