package io.coppice.common.metrics;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpHandler;
import com.sun.net.httpserver.HttpServer;
import io.coppice.common.rpc.HostPort;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.Supplier;
import tools.jackson.databind.json.JsonMapper;

/**
 * A small HTTP server for operators.
 *
 * <pre>
 * GET /healthz    200 while the process runs
 * GET /readyz     200 if it can do its work, else 503 with the reason
 * GET /metrics    Prometheus's text format
 * GET /v1/status  JSON
 * </pre>
 */
public final class StatusServer implements AutoCloseable {
  private static final String TEXT = "text/plain; charset=utf-8";
  private static final String PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8";
  private static final String JSON = "application/json";
  private static final int BACKLOG_MAX = 64;

  private final HttpServer server;
  private final ExecutorService executor;

  private StatusServer(HttpServer server, ExecutorService executor) {
    this.server = server;
    this.executor = executor;
  }

  /**
   * Listens; port 0 takes a free one.
   *
   * @param notReady why the process cannot do its work; empty if it can
   * @param status what {@code /v1/status} shows; maps, lists, texts and numbers
   * @throws IOException if the address is taken or not of this machine; the message names it
   */
  public static StatusServer start(
      HostPort address,
      Metrics metrics,
      Supplier<Optional<String>> notReady,
      Supplier<Map<String, Object>> status)
      throws IOException {
    HttpServer server;
    try {
      server = HttpServer.create(address.toSocketAddress(), BACKLOG_MAX);
    } catch (IOException e) {
      throw new IOException(
          "cannot listen on %s: %s (is another server running there?)"
              .formatted(address, e.getMessage()),
          e);
    }
    ExecutorService executor = Executors.newVirtualThreadPerTaskExecutor();
    JsonMapper json = JsonMapper.builder().build();
    server.setExecutor(executor);
    handle(server, "/healthz", () -> new Answer(200, TEXT, "ok\n"));
    handle(
        server,
        "/readyz",
        () ->
            notReady
                .get()
                .map(reason -> new Answer(503, TEXT, reason + "\n"))
                .orElse(new Answer(200, TEXT, "ready\n")));
    handle(server, "/metrics", () -> new Answer(200, PROMETHEUS, metrics.scrape()));
    handle(
        server,
        "/v1/status",
        () -> new Answer(200, JSON, json.writeValueAsString(status.get()) + "\n"));
    server.start();
    return new StatusServer(server, executor);
  }

  private record Answer(int code, String contentType, String body) {}

  private static void handle(HttpServer server, String path, Supplier<Answer> handler) {
    HttpHandler wrapped =
        exchange -> {
          try (exchange) {
            send(exchange, answer(path, exchange, handler));
          }
        };
    server.createContext(path, wrapped);
  }

  private static Answer answer(String path, HttpExchange exchange, Supplier<Answer> handler) {
    if (!exchange.getRequestURI().getPath().equals(path)) {
      return new Answer(404, TEXT, "there is no such page\n");
    }
    if (!exchange.getRequestMethod().equals("GET")) {
      return new Answer(405, TEXT, "only GET is served here\n");
    }
    try {
      return handler.get();
    } catch (RuntimeException e) {
      return new Answer(500, TEXT, e + "\n");
    }
  }

  private static void send(HttpExchange exchange, Answer answer) throws IOException {
    byte[] body = answer.body().getBytes(StandardCharsets.UTF_8);
    exchange.getResponseHeaders().set("Content-Type", answer.contentType());
    exchange.sendResponseHeaders(answer.code(), body.length);
    exchange.getResponseBody().write(body);
  }

  /** The port that is listened on. */
  public int port() {
    return server.getAddress().getPort();
  }

  @Override
  public void close() {
    server.stop(0);
    executor.close();
  }
}
