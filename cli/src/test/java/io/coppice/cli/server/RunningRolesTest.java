package io.coppice.cli.server;

import static org.assertj.core.api.Assertions.assertThat;

import io.coppice.cli.Cli;
import io.coppice.common.config.ConfigLoader;
import io.coppice.common.config.CoppiceConfig;
import io.coppice.common.platform.Clock;
import io.coppice.common.rpc.HostPort;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Commands against the storage roles, which run in this process and have no tenant yet. */
class RunningRolesTest {
  private static final List<String> FREE_PORTS =
      List.of(
          "cluster.pageserver=127.0.0.1:0",
          "cluster.safekeepers=127.0.0.1:0,127.0.0.1:0,127.0.0.1:0",
          "status.listen=127.0.0.1:0");

  @TempDir static Path shared;

  private static Path dataDir;
  private static DataDirLock lock;
  private static RunningRoles roles;
  private static RunFile runFile;

  @TempDir Path other;

  private final ByteArrayOutputStream out = new ByteArrayOutputStream();
  private final ByteArrayOutputStream err = new ByteArrayOutputStream();

  @BeforeAll
  static void start() throws Exception {
    dataDir = shared.resolve("data");
    lock = DataDirLock.take(dataDir);
    CoppiceConfig config =
        CoppiceConfig.of(ConfigLoader.load(Optional.empty(), Map.of(), FREE_PORTS), dataDir);
    roles = new RunningRoles(config, Clock.SYSTEM);
    HostPort status = roles.startStatus(0);
    List<HostPort> safekeepers = roles.startSafekeepers();
    HostPort pageserver = roles.startPageserver(safekeepers);
    roles.started();
    runFile = new RunFile(ProcessHandle.current().pid(), pageserver, safekeepers, status);
    runFile.write(dataDir);
  }

  @AfterAll
  static void stop() throws IOException {
    assertThat(roles.close()).as("closed cleanly").isTrue();
    lock.close();
  }

  @Test
  void otherCommandsFindTheRolesByTheRunFile() {
    assertThat(run(dataDir, "tenant", "list", "-o", "json")).isZero();
    assertThat(out()).isEqualToIgnoringWhitespace("[]");
  }

  @Test
  void saysHowToMakeATenantWhenThereIsNone() {
    assertThat(run(dataDir, "branch", "list")).isEqualTo(3);
    assertThat(err()).contains("there is no tenant yet: `coppice tenant create NAME` makes one");
  }

  @Test
  void namesTheTenantThatIsNotThere() {
    assertThat(run(dataDir, "branch", "list", "--tenant", "acme")).isEqualTo(3);
    assertThat(err()).contains("there is no tenant \"acme\" (there is none at all)");
  }

  @Test
  void namesTheBranchThatHasNoEndpoint() {
    assertThat(run(dataDir, "connection-string", "main")).isEqualTo(3);
    assertThat(err()).contains("no endpoint was started on a branch \"main\"");
  }

  @Test
  void refusesASecondUpOnTheDataDirectory() {
    assertThat(run(dataDir, "up")).isEqualTo(6);
    assertThat(err()).contains("another `coppice up` is running").contains(dataDir.toString());
  }

  @Test
  void namesThePortThatIsInUseAndLeavesNothingRunning() {
    HostPort taken = runFile.safekeepers().getFirst();
    String safekeepers = "cluster.safekeepers=127.0.0.1:0,127.0.0.1:0," + taken;
    for (int i = 0; i < 2; i++) {
      // The second time fails in the same way: the first let go of all that it had started.
      assertThat(run(other, "up", "--set", safekeepers, "--set", FREE_PORTS.getLast()))
          .isEqualTo(6);
      assertThat(err()).contains("cannot listen on " + taken);
    }
    assertThat(other.resolve(RunFile.FILE_NAME)).doesNotExist();
  }

  @Test
  void refusesADataDirectoryOfAnotherVersion() throws IOException {
    Path format = Files.createDirectories(other.resolve("pageserver")).resolve("FORMAT");
    Files.writeString(format, "coppice-pageserver 999\n");

    assertThat(
            run(other, "pageserver", "--set", FREE_PORTS.getFirst(), "--set", FREE_PORTS.getLast()))
        .isEqualTo(10);
    assertThat(err()).contains("coppice-pageserver 999");
  }

  @Test
  void refusesASafekeeperThatIsNotInTheConfiguration() {
    assertThat(run(other, "safekeeper", "--id", "4")).isEqualTo(2);
    assertThat(err()).contains("there is no safekeeper 4 (cluster.safekeepers lists 1 to 3)");
  }

  @Test
  void forgetsTheRunFileOfAProcessThatIsGone() throws Exception {
    Process gone = new ProcessBuilder("true").start();
    gone.waitFor();
    new RunFile(gone.pid(), runFile.pageserver(), runFile.safekeepers(), runFile.status())
        .write(other);

    assertThat(RunFile.read(other)).isEmpty();
    assertThat(RunFile.read(dataDir)).contains(runFile);
  }

  @Test
  void servesHealthStatusAndMetrics() throws Exception {
    assertThat(get("/readyz")).isEqualTo("ready\n");
    assertThat(get("/v1/status")).contains("\"safekeeper_3\":\"" + runFile.safekeepers().getLast());
    assertThat(get("/metrics"))
        .contains("coppice_pageserver_tenants 0.0")
        .contains("coppice_pageserver_branches 0.0");
  }

  private static String get(String path) throws IOException, InterruptedException {
    try (HttpClient client = HttpClient.newHttpClient()) {
      URI uri = URI.create("http://" + runFile.status() + path);
      return client
          .send(HttpRequest.newBuilder(uri).build(), HttpResponse.BodyHandlers.ofString())
          .body();
    }
  }

  private int run(Path directory, String... arguments) {
    out.reset();
    err.reset();
    List<String> all = new ArrayList<>(List.of(arguments));
    all.addAll(List.of("--data-dir", directory.toString()));
    return new Cli(stream(out), stream(err), Map.of(), Clock.SYSTEM)
        .run(all.toArray(String[]::new));
  }

  private static PrintStream stream(ByteArrayOutputStream bytes) {
    return new PrintStream(bytes, true, StandardCharsets.UTF_8);
  }

  private String out() {
    return out.toString(StandardCharsets.UTF_8);
  }

  private String err() {
    return err.toString(StandardCharsets.UTF_8);
  }
}
