package io.coppice.cli;

import static io.coppice.common.config.ConfigKeys.CLUSTER_PAGESERVER;
import static io.coppice.common.config.ConfigKeys.CLUSTER_SAFEKEEPERS;

import io.coppice.cli.output.CommandFailure;
import io.coppice.cli.output.ExitCode;
import io.coppice.cli.output.Output;
import io.coppice.cli.server.RunFile;
import io.coppice.common.config.ConfigKey;
import io.coppice.common.config.ConfigKeys;
import io.coppice.common.config.ConfigLoader;
import io.coppice.common.config.ConfigOrigin;
import io.coppice.common.config.CoppiceConfig;
import io.coppice.common.config.Settings;
import io.coppice.common.error.StorageException;
import io.coppice.common.platform.Clock;
import io.coppice.common.rpc.HostPort;
import io.coppice.compute.storage.PageserverClient;
import io.coppice.compute.storage.TenantInfo;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

/** What a command works with: settings, connections and somewhere to print to. */
public final class Session {
  private final Root root;
  private final Output output;
  private final Map<String, String> environment;
  private final Clock clock;

  Session(Root root, Output output, Map<String, String> environment, Clock clock) {
    this.root = root;
    this.output = output;
    this.environment =
        environment.entrySet().stream()
            .filter(variable -> !variable.getValue().isEmpty())
            .collect(Collectors.toUnmodifiableMap(Map.Entry::getKey, Map.Entry::getValue));
    this.clock = clock;
  }

  public Output output() {
    return output;
  }

  public Clock clock() {
    return clock;
  }

  /** Variables of the environment; one that is empty is as good as none. */
  public Map<String, String> environment() {
    return environment;
  }

  /** The settings with their origins. */
  public Settings settings() throws StorageException {
    List<String> assignments = new ArrayList<>(root.assignments());
    root.dataDir()
        .ifPresent(dir -> assignments.add(ConfigKeys.DATA_DIR.name() + "=" + dir.toAbsolutePath()));
    return ConfigLoader.load(configFile(), environment, assignments);
  }

  public CoppiceConfig config() throws StorageException {
    return CoppiceConfig.of(settings(), defaultDataDir());
  }

  /** The file that is read, if any: one that was named, or the one in the data directory. */
  public Optional<Path> configFile() {
    Optional<Path> named =
        root.config()
            .or(() -> Optional.ofNullable(environment.get("COPPICE_CONFIG")).map(Path::of));
    return named.or(() ->
        Optional.of(dataDirBeforeFile().resolve(CoppiceConfig.FILE_NAME)).filter(Files::exists));
  }

  /** A data directory that the file itself names comes too late to find the file. */
  private Path dataDirBeforeFile() {
    return root.dataDir()
        .or(this::assignedDataDir)
        .or(() ->
            Optional.ofNullable(environment.get(ConfigKeys.DATA_DIR.environmentVariable()))
                .map(Path::of))
        .orElseGet(this::defaultDataDir);
  }

  private Optional<Path> assignedDataDir() {
    String prefix = ConfigKeys.DATA_DIR.name() + "=";
    return root.assignments().stream()
        .filter(assignment -> assignment.startsWith(prefix))
        .reduce((_, last) -> last)
        .map(assignment -> Path.of(assignment.substring(prefix.length())));
  }

  /**
   * Where the data is if nobody says so. Root's home directory is closed to the user that Postgres
   * runs as, so root's data lives where a service's does.
   */
  public Path defaultDataDir() {
    if (System.getProperty("user.name", "").equals("root")) {
      return Path.of("/var/lib/coppice");
    }
    String xdg = environment.getOrDefault("XDG_DATA_HOME", "");
    Path base =
        xdg.isEmpty() ? Path.of(System.getProperty("user.home"), ".local", "share") : Path.of(xdg);
    return base.resolve("coppice");
  }

  /**
   * The configuration with the addresses where servers are: as set, else where the running `coppice
   * up` of this data directory says, else the defaults.
   */
  public CoppiceConfig configOfRunning() throws StorageException {
    Settings settings = settings();
    CoppiceConfig config = CoppiceConfig.of(settings, defaultDataDir());
    Optional<RunFile> running = RunFile.read(config.dataDir());
    HostPort pageserver = config.cluster().pageserver();
    List<HostPort> safekeepers = config.cluster().safekeepers();
    if (running.isPresent() && !isFixed(settings, CLUSTER_PAGESERVER, List.of(pageserver))) {
      pageserver = running.get().pageserver();
    }
    if (running.isPresent() && !isFixed(settings, CLUSTER_SAFEKEEPERS, safekeepers)) {
      safekeepers = running.get().safekeepers();
    }
    return config.withCluster(new CoppiceConfig.Cluster(pageserver, safekeepers));
  }

  /** Whether somebody said where, and not just "some free port". */
  private static boolean isFixed(Settings settings, ConfigKey<?> key, List<HostPort> addresses) {
    return !(settings.origin(key) instanceof ConfigOrigin.Default)
        && addresses.stream().noneMatch(address -> address.port() == 0);
  }

  /** A connection to the page server; the caller closes it. */
  public PageserverClient pageserver() throws StorageException {
    return PageserverClient.open(configOfRunning().cluster().pageserver());
  }

  /** Name or id of a tenant, if somebody said one. */
  public Optional<String> namedTenant() {
    return root.tenant().or(() -> Optional.ofNullable(environment.get("COPPICE_TENANT")));
  }

  /** The tenant that is meant: named, or the only one. */
  public TenantInfo tenant(PageserverClient client) throws StorageException, CommandFailure {
    List<TenantInfo> tenants = client.listTenants();
    Optional<String> named = namedTenant();
    if (named.isPresent()) {
      String name = named.get();
      return tenants.stream()
          .filter(tenant -> tenant.name().equals(name) || tenant.id().toString().equals(name))
          .findFirst()
          .orElseThrow(() -> notFound(name, tenants));
    }
    return switch (tenants.size()) {
      case 0 ->
          throw new CommandFailure(
              ExitCode.NOT_FOUND, "there is no tenant yet: `coppice tenant create NAME` makes one");
      case 1 -> tenants.getFirst();
      default ->
          throw new CommandFailure(
              ExitCode.USAGE,
              "which tenant? Say --tenant with one of " + String.join(", ", names(tenants)));
    };
  }

  private static CommandFailure notFound(String name, List<TenantInfo> tenants) {
    return new CommandFailure(
        ExitCode.NOT_FOUND,
        "there is no tenant \"%s\" (there is %s)"
            .formatted(
                name, tenants.isEmpty() ? "none at all" : String.join(", ", names(tenants))));
  }

  private static List<String> names(List<TenantInfo> tenants) {
    return tenants.stream().map(TenantInfo::name).toList();
  }
}
