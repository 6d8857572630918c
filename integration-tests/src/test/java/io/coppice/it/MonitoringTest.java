package io.coppice.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.coppice.cli.server.RunFile;
import io.coppice.it.support.Exposition;
import io.coppice.it.support.Sql;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.time.Duration;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** What documents, dashboard and alerts name is what running processes serve. */
@Tag("process")
@Timeout(value = 3, unit = TimeUnit.MINUTES)
final class MonitoringTest {
  private static final Path DOCS = Path.of("..", "docs");
  private static final Pattern IN_BACKTICKS = Pattern.compile("`(coppice_[a-z0-9_]+)`");

  @RegisterExtension final Cluster cluster = new Cluster("status.listen=127.0.0.1:0");

  @Test
  void everyMetricThatIsWrittenAboutIsServedAndTheOtherWayRound() throws Exception {
    cluster.startUp();
    cluster.succeed("tenant", "create", "seen");
    String connection = cluster.succeed("endpoint", "start", "main");
    try (Connection sql = DriverManager.getConnection("jdbc:" + jdbc(connection))) {
      Sql.run(sql, "create table t as select i from generate_series(1, 1000) i", "checkpoint");
    }
    cluster.succeed("branch", "flush", "main");
    String endpoint = endpointStatus();
    RunFile up = RunFile.read(cluster.dataDirectory()).orElseThrow();
    await()
        .atMost(Duration.ofSeconds(20))
        .untilAsserted(() -> assertThat(get(endpoint, "/readyz")).isEqualTo("ready\n"));

    // Some are there only once they are known.
    await()
        .atMost(Duration.ofSeconds(20))
        .untilAsserted(() ->
            assertThat(scrape(up, endpoint).families())
                .as("served, and described in operations.md")
                .filteredOn(name -> name.startsWith("coppice_"))
                .containsExactlyInAnyOrderElementsOf(documented()));
    Exposition served = scrape(up, endpoint);
    assertThat(served.misused(Files.readString(DOCS.resolve("monitoring/alerts.yaml"))))
        .as("of alerts.yaml, and not served")
        .isEmpty();
    assertThat(served.misused(expressions())).as("of dashboard.json, and not served").isEmpty();
    cluster.succeed("branch", "rename", "main", "trunk");
    cluster.succeed("branch", "create", "main", "--parent", "trunk");
    assertThat(cluster.coppice("endpoint", "stop", "main").exitCode())
        .as("of the branch that has the name now")
        .isEqualTo(3);
    assertThat(cluster.succeed("connection-string", "trunk")).isEqualTo(connection);
    cluster.succeed("endpoint", "stop", "trunk");
  }

  private static Exposition scrape(RunFile up, String endpoint)
      throws IOException, InterruptedException {
    return Exposition.parse(get(up.status().toString(), "/metrics") + get(endpoint, "/metrics"));
  }

  private static String jdbc(String connection) {
    return connection.replace("postgresql://postgres@", "postgresql://") + "?user=postgres";
  }

  private String endpointStatus() throws IOException, InterruptedException {
    JsonNode list = JsonMapper.shared().readTree(cluster.succeed("endpoint", "list", "-o", "json"));
    return list.get(0).required("status_address").asString();
  }

  private static Set<String> documented() throws IOException {
    Matcher matcher = IN_BACKTICKS.matcher(Files.readString(DOCS.resolve("operations.md")));
    Set<String> names = new TreeSet<>();
    while (matcher.find()) {
      names.add(matcher.group(1));
    }
    return names;
  }

  private static String expressions() throws IOException {
    JsonNode dashboard =
        JsonMapper.shared().readTree(Files.readString(DOCS.resolve("monitoring/dashboard.json")));
    return dashboard.findValues("expr").stream()
        .map(JsonNode::asString)
        .collect(Collectors.joining("\n"));
  }

  private static String get(String address, String path) throws IOException, InterruptedException {
    try (HttpClient client = HttpClient.newHttpClient()) {
      return client
          .send(
              HttpRequest.newBuilder(URI.create("http://" + address + path)).build(),
              HttpResponse.BodyHandlers.ofString())
          .body();
    }
  }
}
