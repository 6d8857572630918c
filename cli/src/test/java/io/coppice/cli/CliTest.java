package io.coppice.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.coppice.common.platform.Clock;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Exit codes and messages of commands that need no server. */
class CliTest {
  @TempDir Path dataDir;

  private final ByteArrayOutputStream out = new ByteArrayOutputStream();
  private final ByteArrayOutputStream err = new ByteArrayOutputStream();

  @Test
  void refusesAMalformedLsnAndSaysWhatIsAccepted() {
    assertThat(run("time", "at", "0/XYZ")).isEqualTo(2);
    assertThat(err()).contains("not an LSN: \"0/XYZ\"").contains("such as 0/16B3748");
    assertThat(out()).isEmpty();
  }

  @Test
  void refusesABranchPointThatIsNeitherLsnNorTime() {
    assertThat(run("branch", "create", "b", "--at", "yesterday")).isEqualTo(2);
    assertThat(err()).contains("neither an LSN nor a time: \"yesterday\"").contains("or now");
  }

  @Test
  void refusesAnEndOfABranchThatIsNone() {
    assertThat(run("branch", "create", "b", "--ttl", "soon")).isEqualTo(2);
    assertThat(err()).contains("not a duration: \"soon\"").contains("such as 2h");
    assertThat(run("branch", "create", "b", "--ttl", "2h", "--expires-at", "2026-11-21T14:00:00Z"))
        .isEqualTo(2);
    assertThat(run("branch", "set", "b", "--expires", "soon")).isEqualTo(2);
    assertThat(err()).contains("neither a time nor never: \"soon\"");
    assertThat(run("branch", "restore", "b")).isEqualTo(2);
    assertThat(err()).contains("--to");
  }

  @Test
  void refusesALeaseWithoutAnEndAndTwoThingsAtOnceAboutGarbage() {
    assertThat(run("branch", "lease", "b")).isEqualTo(2);
    assertThat(err()).contains("--for");
    assertThat(run("branch", "lease", "b", "--for", "2h", "--release")).isEqualTo(2);
    assertThat(run("branch", "lease", "b", "--release")).isEqualTo(2);
    assertThat(err()).contains("--at LSN");
    assertThat(run("branch", "gc", "--dry-run", "--unblock")).isEqualTo(2);
    assertThat(err()).contains("mutually exclusive");
  }

  @Test
  void safekeeperTakesANumberOrAVerb() {
    assertThat(run("safekeeper")).isEqualTo(2);
    assertThat(err()).contains("--id N, or one of pull, scrub, status, timelines");
    assertThat(run("safekeeper", "pull", "9", "main")).isEqualTo(2);
    assertThat(err()).contains("there is no safekeeper 9 (there are 1 to 3)");
    assertThat(run("safekeeper", "pull", "1")).isEqualTo(2);
    assertThat(err()).contains("which branch?");
    assertThat(run("safekeeper", "status", "x/y", "--safekeepers", "127.0.0.1")).isEqualTo(2);
    assertThat(err()).contains("not an address: \"127.0.0.1\"");
    assertThat(run("safekeeper", "status", "x/y")).isEqualTo(2);
    assertThat(err()).contains("not a tenant id: \"x\"");
    assertThat(run("safekeeper", "scrub", "--address", "127.0.0.1:1")).isEqualTo(7);
    assertThat(run("safekeeper", "scrub", "--repair-from", "here")).isEqualTo(2);
    assertThat(err()).contains("not an address: \"here\"");
    assertThat(run("safekeeper", "timelines", "1", "--safekeepers", "127.0.0.1:1")).isEqualTo(7);
    assertThat(err()).contains("127.0.0.1:1");
  }

  @Test
  void refusesATimeWithoutAnOffset() {
    assertThat(run("lsn", "at", "2026-11-21T14:02:07")).isEqualTo(2);
    assertThat(err()).contains("expected RFC 3339 with an offset");
  }

  @Test
  void refusesMalformedRelationsForksAndBlocks() {
    assertThat(run("page", "get", "--rel", "1663/5", "--block", "0")).isEqualTo(2);
    assertThat(err()).contains("not a relation").contains("1663/5/16384");
    assertThat(run("page", "get", "--rel", "1663/5/1", "--fork", "map", "--block", "0"))
        .isEqualTo(2);
    assertThat(err()).contains("expected main, fsm, vm or init");
    assertThat(run("page", "get", "--rel", "1663/5/1", "--block", "-1")).isEqualTo(2);
    assertThat(err()).contains("not a block number: -1");
    assertThat(run("page", "get", "--rel", "1663/5/1")).isEqualTo(2);
    assertThat(err()).contains("Missing required option: '--block=N'");
  }

  @Test
  void offersTheCommandThatWasProbablyMeant() {
    assertThat(run("brnch", "list")).isEqualTo(2);
    assertThat(err()).contains("did you mean branch").contains("Try `coppice --help`.");
  }

  @Test
  void listsTheVerbsOfANoun() {
    assertThat(run("branch")).isEqualTo(2);
    assertThat(err()).contains("create").contains("delete");
  }

  @Test
  void offersTheNearestNameForAMisspeltKeyWithItsLine() throws IOException {
    Files.writeString(dataDir.resolve("coppice.toml"), "[log]\nlevl = \"info\"\n");

    assertThat(run("config", "check")).isEqualTo(2);
    assertThat(err())
        .contains("coppice.toml line 2")
        .contains("unknown key \"log.levl\" (did you mean \"log.level\"?)");
  }

  @Test
  void showsWhereEachSettingComesFrom() throws IOException {
    Files.writeString(dataDir.resolve("coppice.toml"), "[log]\nlevel = \"warn\"\n");

    assertThat(
            run(
                "config",
                "print",
                "--show-origin",
                "-o",
                "json",
                "--set",
                "status.listen=127.0.0.1:1"))
        .isZero();
    JsonNode settings = json(out());
    assertThat(settings.findValuesAsString("key"))
        .containsExactly("data_dir", "status.listen", "log.level");
    assertThat(settings.get(1).get("origin").asString()).isEqualTo("--set status.listen");
    assertThat(settings.get(2).get("origin").asString()).endsWith("coppice.toml line 2");
  }

  @Test
  void saysWhichServerDoesNotAnswer() throws IOException {
    int port;
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      port = socket.getLocalPort();
    }
    assertThat(run("branch", "list", "--set", "cluster.pageserver=127.0.0.1:" + port)).isEqualTo(7);
    assertThat(err()).contains("127.0.0.1:" + port).contains("is `coppice up` running?");
  }

  @Test
  void looksAtTheDiskAndLeavesNothingThere() throws IOException {
    assertThat(run("doctor", "disk", "-o", "json")).isZero();
    assertThat(json(out()).get("sync_max_ms").asDouble())
        .isGreaterThanOrEqualTo(json(out()).get("sync_median_ms").asDouble());
    assertThat(dataDir).isEmptyDirectory();
  }

  @Test
  void saysWhyThereIsNoBucketToLookAt() throws IOException {
    assertThat(run("doctor", "s3")).isEqualTo(10);
    assertThat(err()).contains("the object store is the directory").contains("object_store.url");

    Path keys =
        Files.writeString(
            dataDir.resolve("keys"),
            "[default]\naws_access_key_id = a\naws_secret_access_key = hush\n");
    List<String> arguments = new ArrayList<>(List.of("doctor", "s3"));
    for (String setting :
        List.of(
            "url=s3://bucket",
            "s3.endpoint=http://127.0.0.1:1",
            "s3.attempt_timeout=300ms",
            "s3.call_timeout=300ms",
            "s3.credentials_file=" + keys)) {
      arguments.addAll(List.of("--set", "object_store." + setting));
    }
    assertThat(run(arguments.toArray(String[]::new))).isIn(7, 8);
    assertThat(err()).contains("bucket bucket at http://127.0.0.1:1").doesNotContain("hush");
    assertThat(out()).contains("connect").contains("false");
  }

  @Test
  void tellsFailuresAsJsonWithTheSameCode() {
    assertThat(run("time", "at", "0/XYZ", "-o", "json")).isEqualTo(2);
    JsonNode error = json(err()).get("error");
    assertThat(error.get("code").asInt()).isEqualTo(2);
    assertThat(error.get("kind").asString()).isEqualTo("usage");
    assertThat(error.get("message").asString()).contains("not an LSN");
  }

  @Test
  void refusesARunFileThatIsDamaged() throws IOException {
    Files.writeString(dataDir.resolve("coppice.run.json"), "{\"pid\": ");
    assertThat(run("branch", "list")).isEqualTo(9);
    assertThat(err()).contains("coppice.run.json");
  }

  @Test
  void showsItsVersionAndCompletion() {
    assertThat(run("version", "-o", "json")).isZero();
    assertThat(json(out()).get("postgres_majors").asString()).contains("15");
    assertThat(run("completion")).isZero();
    assertThat(out()).contains("_complete_coppice");
  }

  @Test
  void anEmptyVariableOfTheEnvironmentIsAsGoodAsNone() {
    assertThat(run(Map.of("COPPICE_CONFIG", "", "COPPICE_DATA_DIR", ""), "config", "print"))
        .isZero();
    assertThat(run(Map.of("COPPICE_CONFIG", "/none"), "config", "print")).isEqualTo(2);
  }

  private int run(String... arguments) {
    return run(Map.of(), arguments);
  }

  private int run(Map<String, String> environment, String... arguments) {
    out.reset();
    err.reset();
    List<String> all = new ArrayList<>(List.of(arguments));
    all.addAll(List.of("--data-dir", dataDir.toString()));
    return new Cli(stream(out), stream(err), environment, Clock.SYSTEM)
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

  private static JsonNode json(String text) {
    return JsonMapper.builder().build().readTree(text);
  }
}
