package io.coppice.common.metrics;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.coppice.common.rpc.HostPort;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class StatusServerTest {
  private final Metrics metrics = new Metrics();
  private final AtomicReference<Optional<String>> notReady =
      new AtomicReference<>(Optional.empty());
  private final HttpClient client = HttpClient.newHttpClient();
  private StatusServer server;

  @BeforeEach
  void start() throws IOException {
    server =
        StatusServer.start(
            new HostPort("127.0.0.1", 0), metrics, notReady::get, () -> Map.of("role", "test"));
  }

  @AfterEach
  void stop() {
    client.close();
    server.close();
    metrics.close();
  }

  @Test
  void saysThatItRuns() throws Exception {
    assertThat(get("/healthz").statusCode()).isEqualTo(200);
    assertThat(get("/nowhere").statusCode()).isEqualTo(404);
    assertThat(get("/healthz/deeper").statusCode()).isEqualTo(404);
  }

  @Test
  void isReadyOnlyWhileTheRoleCanWork() throws Exception {
    assertThat(get("/readyz").statusCode()).isEqualTo(200);
    notReady.set(Optional.of("one safekeeper of three"));
    assertThat(get("/readyz").statusCode()).isEqualTo(503);
    assertThat(get("/readyz").body()).isEqualTo("one safekeeper of three\n");
  }

  @Test
  void showsStatusAsJson() throws Exception {
    assertThat(get("/v1/status").body()).isEqualTo("{\"role\":\"test\"}\n");
  }

  @Test
  void showsWhatTheSourcesSayNowAndForgetsWhatIsGone() throws Exception {
    AtomicReference<String> branch = new AtomicReference<>("main");
    metrics.add(sink ->
        sink.gauge("coppice_last_record_lsn", "Replayed.", Map.of("branch", branch.get()), 42));

    assertThat(get("/metrics").body())
        .contains("# HELP coppice_last_record_lsn Replayed.")
        .contains("coppice_last_record_lsn{branch=\"main\"} 42.0")
        .contains("jvm_memory_used_bytes");
    branch.set("other");
    assertThat(get("/metrics").body())
        .contains("coppice_last_record_lsn{branch=\"other\"} 42.0")
        .doesNotContain("branch=\"main\"");
  }

  @Test
  void namesTheAddressThatIsTaken() {
    HostPort taken = new HostPort("127.0.0.1", server.port());
    assertThatThrownBy(() -> StatusServer.start(taken, metrics, notReady::get, Map::of))
        .isInstanceOf(IOException.class)
        .hasMessageContaining(taken.toString());
  }

  @Test
  void forgetsANumberThatNobodyHasAnyMore() throws Exception {
    AtomicReference<Boolean> present = new AtomicReference<>(true);
    metrics.add(sink -> {
      if (present.get()) {
        sink.gauge("coppice_term", "Newest.", Map.of("timeline", "a"), 1);
      }
    });

    assertThat(get("/metrics").body()).contains("coppice_term{timeline=\"a\"} 1.0");
    present.set(false);
    assertThat(get("/metrics").body()).doesNotContain("coppice_term{");
  }

  private HttpResponse<String> get(String path) throws IOException, InterruptedException {
    URI uri = URI.create("http://127.0.0.1:" + server.port() + path);
    return client.send(HttpRequest.newBuilder(uri).build(), HttpResponse.BodyHandlers.ofString());
  }
}
