package io.coppice.it;

import io.coppice.cli.Cli;
import io.coppice.common.error.StorageException;
import io.coppice.common.id.TenantId;
import io.coppice.common.platform.Clock;
import io.coppice.common.rpc.HostPort;
import io.coppice.compute.endpoint.EndpointSpec;
import io.coppice.compute.storage.BranchInfo;
import io.coppice.compute.storage.PageserverClient;
import io.coppice.compute.storage.TenantInfo;
import io.coppice.it.support.Network;
import io.coppice.it.support.Ports;
import io.coppice.it.support.Sql;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
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
import java.util.Objects;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/**
 * Three safekeepers and a page server as processes of their own, in a directory of their own, each
 * test anew. Used through the command line and the client, as by a user. Whatever a test leaves is
 * ended and deleted; logs stay in {@code target/it-logs}, and are shown when a test fails.
 */
final class Cluster implements BeforeEachCallback, AfterEachCallback {
  static final int SAFEKEEPERS = 3;
  private static final int READY_TIMEOUT_SECONDS = 180;
  private static final int STOP_TIMEOUT_SECONDS = 60;
  private static final int COMMAND_TIMEOUT_SECONDS = 300;
  private static final String PAGESERVER = "pageserver";

  private final Map<String, ChildProcess> roles = new LinkedHashMap<>();
  private final List<String> settings = new ArrayList<>();
  private @Nullable Path directory;
  private @Nullable Path logs;
  private @Nullable PageserverClient client;
  private List<HostPort> ports = List.of();

  /** Where safekeepers run that have a host of their own, in the order of their ids. */
  private List<Network.Host> hosts = List.of();

  /**
   * @param settings {@code section.key=value}, for all roles
   */
  Cluster(String... settings) {
    this.settings.addAll(List.of(settings));
  }

  @Override
  public void beforeEach(ExtensionContext context) throws IOException {
    // Postgres runs as another user, who must be able to enter.
    Path created = Files.createTempDirectory("coppice-it-");
    Files.setPosixFilePermissions(created, PosixFilePermissions.fromString("rwxr-xr-x"));
    directory = created;
    logs =
        Files.createDirectories(
            Path.of(
                "target/it-logs",
                context.getRequiredTestClass().getSimpleName(),
                context.getRequiredTestMethod().getName()));
    deleteTree(logs());
    Files.createDirectories(logs());
    ports = Ports.free(1 + SAFEKEEPERS);
    hosts = List.of();
    Files.writeString(configFile(), config());
  }

  /** Has each safekeeper run on a host of its own; before the first is started. */
  void placeSafekeepers(List<Network.Host> places) throws IOException {
    List<HostPort> placed = new ArrayList<>(List.of(pageserverAddress()));
    for (int i = 0; i < SAFEKEEPERS; i++) {
      placed.add(new HostPort(places.get(i).address(), safekeeperAddresses().get(i).port()));
    }
    ports = placed;
    hosts = places;
    Files.writeString(configFile(), config());
  }

  private String config() {
    List<String> safekeepers =
        safekeeperAddresses().stream().map(address -> "\"" + address + "\"").toList();
    StringBuilder toml = new StringBuilder();
    toml.append("data_dir = \"%s\"%n".formatted(dataDirectory()));
    toml.append("[status]%nlisten = \"127.0.0.1:0\"%n".formatted());
    toml.append("[cluster]%n".formatted());
    toml.append("pageserver = \"%s\"%n".formatted(pageserverAddress()));
    toml.append("safekeepers = [%s]%n".formatted(String.join(", ", safekeepers)));
    return toml.toString();
  }

  Path directory() {
    return Objects.requireNonNull(directory);
  }

  Path dataDirectory() {
    return directory().resolve("data");
  }

  Path configFile() {
    return directory().resolve("coppice.toml");
  }

  private Path logs() {
    return Objects.requireNonNull(logs);
  }

  HostPort pageserverAddress() {
    return ports.getFirst();
  }

  List<HostPort> safekeeperAddresses() {
    return ports.subList(1, 1 + SAFEKEEPERS);
  }

  /** Starts all roles and waits until they answer. */
  void startAll() throws IOException, InterruptedException {
    for (int id = 1; id <= SAFEKEEPERS; id++) {
      launchSafekeeper(id);
    }
    start(PAGESERVER, PAGESERVER);
    for (int id = 1; id <= SAFEKEEPERS; id++) {
      awaitSafekeeper(id);
    }
    awaitListening(PAGESERVER, pageserverAddress());
  }

  void startSafekeeper(int id) throws IOException, InterruptedException {
    launchSafekeeper(id);
    awaitSafekeeper(id);
  }

  private void launchSafekeeper(int id) throws IOException {
    List<String> prefix = hosts.isEmpty() ? List.of() : hosts.get(id - 1).prefix();
    start(safekeeperName(id), prefix, "safekeeper", "--id", Integer.toString(id));
  }

  private void awaitSafekeeper(int id) throws IOException, InterruptedException {
    awaitListening(safekeeperName(id), safekeeperAddresses().get(id - 1));
  }

  /** Kills it, deletes its disk, and starts it again. */
  void wipeSafekeeper(int id) throws IOException, InterruptedException {
    safekeeper(id).kill9();
    deleteTree(dataDirectory().resolve(safekeeperName(id)));
    startSafekeeper(id);
  }

  void startPageserver() throws IOException, InterruptedException {
    start(PAGESERVER, PAGESERVER);
    awaitListening(PAGESERVER, pageserverAddress());
  }

  /** Starts a command that stays; it ends with us, should we be killed. */
  ChildProcess start(String name, String... command) throws IOException {
    return start(name, List.of(), command);
  }

  private ChildProcess start(String name, List<String> prefix, String... command)
      throws IOException {
    List<String> arguments = withOptions(command);
    arguments.addAll(List.of("--end-with", Long.toString(ProcessHandle.current().pid())));
    ChildProcess started =
        ChildProcess.start(name, logs().resolve(name + ".log"), Map.of(), prefix, arguments);
    roles.put(name, started);
    return started;
  }

  /** Starts another program, which the caller ends. */
  ChildProcess startBeside(String name, Class<?> main, String... arguments) throws IOException {
    return ChildProcess.start(
        name, logs().resolve(name + ".log"), Map.of(), main.getName(), List.of(arguments));
  }

  /** For all roles that are started from now on, as in {@code --set}. */
  void set(String setting) {
    settings.add(setting);
  }

  private List<String> options() {
    List<String> options = new ArrayList<>(List.of("--config", configFile().toString()));
    for (String setting : settings) {
      options.addAll(List.of("--set", setting));
    }
    return options;
  }

  private void awaitListening(String name, HostPort address)
      throws IOException, InterruptedException {
    await(name, "does not listen on " + address, () -> Ports.isListening(address));
  }

  private void await(String name, String otherwise, BooleanSupplier condition)
      throws InterruptedException {
    ChildProcess role = role(name);
    long deadline = System.nanoTime() + READY_TIMEOUT_SECONDS * 1_000_000_000L;
    while (!condition.getAsBoolean()) {
      if (!role.isAlive() || System.nanoTime() > deadline) {
        throw new AssertionError(
            "%s %s:%n%s".formatted(name, role.isAlive() ? otherwise : "ended", role.logTail()));
      }
      Thread.sleep(50);
    }
  }

  static String safekeeperName(int id) {
    return "safekeeper-" + id;
  }

  ChildProcess role(String name) {
    return Objects.requireNonNull(roles.get(name), name);
  }

  ChildProcess safekeeper(int id) {
    return role(safekeeperName(id));
  }

  ChildProcess pageserver() {
    return role(PAGESERVER);
  }

  /** Calls to the page server; one for the whole test, reconnecting by itself. */
  PageserverClient client() {
    PageserverClient known = client;
    if (known == null) {
      known = PageserverClient.open(pageserverAddress());
      client = known;
    }
    return known;
  }

  /** The only tenant. */
  TenantInfo tenant() throws StorageException {
    return client().listTenants().getFirst();
  }

  BranchInfo branch(String name) throws StorageException {
    TenantId tenant = tenant().id();
    return client().getBranch(tenant, name);
  }

  /**
   * Runs a command to its end; in this process, as the start of one takes longer than most do. The
   * first of all makes the archive of classes that the others start from.
   */
  ChildProcess.Result coppice(String... arguments) throws IOException, InterruptedException {
    if (ChildProcess.lacksArchive()) {
      return run(true, arguments);
    }
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    ByteArrayOutputStream err = new ByteArrayOutputStream();
    Cli cli =
        new Cli(
            new PrintStream(out, true, StandardCharsets.UTF_8),
            new PrintStream(err, true, StandardCharsets.UTF_8),
            Map.of(),
            Clock.SYSTEM);
    int exitCode = cli.run(withOptions(arguments).toArray(String[]::new));
    return new ChildProcess.Result(
        exitCode, out.toString(StandardCharsets.UTF_8), err.toString(StandardCharsets.UTF_8));
  }

  /** Runs a server that ends by itself. */
  ChildProcess.Result serve(String... arguments) throws IOException, InterruptedException {
    return run(false, arguments);
  }

  private ChildProcess.Result run(boolean makesArchive, String... arguments)
      throws IOException, InterruptedException {
    return ChildProcess.run(
        directory(), makesArchive, withOptions(arguments), COMMAND_TIMEOUT_SECONDS);
  }

  private List<String> withOptions(String... arguments) {
    List<String> all = new ArrayList<>(List.of(arguments));
    all.addAll(options());
    return all;
  }

  /** Runs a command that must succeed; what it wrote to stdout. */
  String succeed(String... arguments) throws IOException, InterruptedException {
    ChildProcess.Result result = coppice(arguments);
    if (result.exitCode() != 0) {
      throw new AssertionError("coppice %s: %s".formatted(String.join(" ", arguments), result));
    }
    return result.out().strip();
  }

  /** All roles in one process. */
  ChildProcess startUp() throws IOException, InterruptedException {
    ChildProcess up = start("up", "up");
    awaitListening("up", pageserverAddress());
    return up;
  }

  /**
   * An endpoint in a process of its own, which can be killed; waits until it takes connections.
   *
   * @param more options, such as another data directory
   */
  ChildProcess startEndpointProcess(
      String name, BranchInfo branch, HostPort address, String... more)
      throws IOException, InterruptedException {
    List<String> command =
        new ArrayList<>(
            List.of(
                "endpoint",
                "run",
                branch.timeline().toString(),
                "--tenant",
                branch.tenant().toString(),
                "--port",
                Integer.toString(address.port())));
    command.addAll(List.of(more));
    start(name, command.toArray(String[]::new));
    await(name, "takes no connections at " + address, () -> Sql.accepts(address));
    return role(name);
  }

  /** A process that takes over at that address; waits until it is ready to. */
  ChildProcess startStandbyProcess(String name, BranchInfo branch, HostPort address)
      throws IOException, InterruptedException {
    ChildProcess standby =
        start(
            name,
            "endpoint",
            "standby",
            branch.timeline().toString(),
            "--port",
            Integer.toString(address.port()));
    await(name, "does not stand by", () -> standby.logTail().contains("stands by"));
    return standby;
  }

  /** What an endpoint in this process needs to know. */
  EndpointSpec endpoint(String branch) throws StorageException {
    return EndpointSpec.of(client(), safekeeperAddresses(), tenant().id(), branch, dataDirectory());
  }

  @Override
  public void afterEach(ExtensionContext context) throws IOException, InterruptedException {
    Optional<Throwable> failure = context.getExecutionException();
    if (client != null) {
      client.close();
      client = null;
    }
    // Endpoints first: they are processes of their own that a test may have left.
    endWhatMentions(dataDirectory().toString());
    for (ChildProcess role : roles.values()) {
      if (role.isAlive() && role.stop(STOP_TIMEOUT_SECONDS).isEmpty() && failure.isEmpty()) {
        throw new AssertionError(role.name() + " did not end on SIGTERM:\n" + role.logTail());
      }
    }
    endWhatMentions(directory().toString());
    keepEndpointLogs();
    if (failure.isPresent()) {
      showLogs();
    }
    roles.clear();
    deleteTree(directory());
  }

  /** Ends all processes of this test with SIGKILL. */
  void endAllNow() throws InterruptedException {
    endWhatMentions(directory().toString());
    for (ChildProcess role : roles.values()) {
      role.kill9();
    }
  }

  /** Ends processes of this test that are not roles: its directory's name is in their command. */
  private void endWhatMentions(String path) {
    List<Long> own = roles.values().stream().map(ChildProcess::pid).toList();
    ProcessHandle.allProcesses()
        .filter(process -> process.info().commandLine().orElse("").contains(path))
        .filter(process -> !own.contains(process.pid()))
        .forEach(ProcessHandle::destroyForcibly);
  }

  private void keepEndpointLogs() throws IOException {
    if (!Files.isDirectory(dataDirectory())) {
      return;
    }
    try (var files =
        Files.find(dataDirectory(), 6, (file, _) -> file.toString().endsWith(".log"))) {
      for (Path file : files.toList()) {
        String name = dataDirectory().relativize(file).toString().replace('/', '_');
        Files.copy(file, logs().resolve(name));
      }
    }
  }

  private void showLogs() throws IOException {
    try (var files = Files.list(logs())) {
      for (Path file : files.sorted().toList()) {
        List<String> lines = Files.readString(file).lines().toList();
        System.err.printf("===== end of %s%n", file);
        lines.subList(Math.max(0, lines.size() - 40), lines.size()).forEach(System.err::println);
      }
    }
  }

  private static void deleteTree(Path root) throws IOException {
    Files.walkFileTree(
        root,
        new SimpleFileVisitor<>() {
          @Override
          public FileVisitResult visitFile(Path file, BasicFileAttributes attributes)
              throws IOException {
            Files.deleteIfExists(file);
            return FileVisitResult.CONTINUE;
          }

          @Override
          public FileVisitResult postVisitDirectory(Path directory, @Nullable IOException failure)
              throws IOException {
            Files.deleteIfExists(directory);
            return FileVisitResult.CONTINUE;
          }
        });
  }
}
