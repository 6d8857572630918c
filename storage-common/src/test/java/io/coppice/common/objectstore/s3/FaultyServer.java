package io.coppice.common.objectstore.s3;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.function.Predicate;

/** A bad S3 server: a good one behind something that does to requests what was planned. */
final class FaultyServer implements AutoCloseable {
  static final long LATE_MILLIS = 1_000;

  private static final HttpMessage DONE =
      new HttpMessage("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", new byte[0]);

  /** What happens to one request. */
  enum Fault {
    /** The connection breaks; the server never hears of it. */
    RESET_BEFORE,
    /** The server does it, and the connection breaks before it says so. */
    RESET_AFTER,
    /** 503 SlowDown; nothing is done. */
    SLOW_DOWN,
    /** The server does it, and 500 is answered. */
    ERROR_AFTER,
    /** The server does it, and answers when nobody waits any more. */
    LATE,
    /** The answer ends in the middle. */
    TRUNCATED,
    /** The request arrives twice, and the second answer counts. */
    TWICE,
    /** A bit of the answer's content changes. */
    ANSWER_FLIPPED,
    /** A bit of the request's content changes. */
    REQUEST_FLIPPED
  }

  private record Planned(Predicate<HttpMessage> which, Fault fault) {}

  private final URI target;
  private final ServerSocket listener;
  private final Set<Socket> open = ConcurrentHashMap.newKeySet();
  private final Queue<Planned> plan = new ConcurrentLinkedQueue<>();

  private volatile boolean conditionsAreIgnored;

  private FaultyServer(URI target, ServerSocket listener) {
    this.target = target;
    this.listener = listener;
  }

  static FaultyServer before(URI target) throws IOException {
    FaultyServer server =
        new FaultyServer(target, new ServerSocket(0, 50, InetAddress.getLoopbackAddress()));
    Thread.ofVirtual().start(server::accept);
    return server;
  }

  URI endpoint() {
    return URI.create("http://127.0.0.1:" + listener.getLocalPort());
  }

  /** The next requests of a method suffer this, one after the other. */
  void plan(String method, Fault... faults) {
    for (Fault fault : faults) {
      plan.add(new Planned(request -> request.method().equals(method), fault));
    }
  }

  /** The next requests of any kind suffer this. */
  void planAny(Fault... faults) {
    for (Fault fault : faults) {
      plan.add(new Planned(_ -> true, fault));
    }
  }

  /** What is refused because a condition does not hold looks as if it had been done. */
  void ignoreConditions() {
    conditionsAreIgnored = true;
  }

  /** From here on all goes well; how many faults nobody ran into. */
  int heal() {
    int left = plan.size();
    plan.clear();
    return left;
  }

  private void accept() {
    while (!listener.isClosed()) {
      try {
        Socket client = listener.accept();
        open.add(client);
        Thread.ofVirtual().start(() -> serve(client));
      } catch (IOException _) {
        return;
      }
    }
  }

  private void serve(Socket client) {
    try (client) {
      InputStream in = client.getInputStream();
      OutputStream out = client.getOutputStream();
      Optional<HttpMessage> request = receive(in, out);
      while (request.isPresent() && handle(request.get(), out)) {
        request = receive(in, out);
      }
    } catch (IOException _) {
      // One side hung up; the other hears of it by the end of its connection.
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
    } finally {
      open.remove(client);
    }
  }

  private static Optional<HttpMessage> receive(InputStream in, OutputStream out)
      throws IOException {
    Optional<HttpMessage> head = HttpMessage.read(in, false);
    if (head.isEmpty()) {
      return head;
    }
    if (head.get().header("expect").isPresent()) {
      out.write("HTTP/1.1 100 Continue\r\n\r\n".getBytes(StandardCharsets.ISO_8859_1));
      out.flush();
    }
    return Optional.of(head.get().withBody(in).without("expect"));
  }

  /** False if the connection is to end. */
  private boolean handle(HttpMessage request, OutputStream out)
      throws IOException, InterruptedException {
    Planned next = plan.peek();
    if (next == null || !next.which().test(request) || !plan.remove(next)) {
      HttpMessage answer = forward(request);
      out.write(answer.bytes());
      return !answer.endsConnection();
    }
    switch (next.fault()) {
      case RESET_BEFORE -> {}
      case RESET_AFTER -> {
        var _ = forward(request);
      }
      case SLOW_DOWN -> out.write(error(503, "SlowDown"));
      case ERROR_AFTER -> {
        var _ = forward(request);
        out.write(error(500, "InternalError"));
      }
      case LATE -> {
        HttpMessage answer = forward(request);
        Thread.sleep(LATE_MILLIS);
        out.write(answer.bytes());
      }
      case TRUNCATED -> {
        byte[] answer = forward(request).bytes();
        out.write(answer, 0, answer.length - 3);
      }
      case TWICE -> {
        var _ = forward(request);
        out.write(forward(request).bytes());
      }
      case ANSWER_FLIPPED -> out.write(forward(request).flipped().bytes());
      case REQUEST_FLIPPED -> out.write(forward(request.flipped()).bytes());
    }
    // Some answers end with the connection.
    return false;
  }

  private HttpMessage forward(HttpMessage request) throws IOException {
    try (Socket server = new Socket(target.getHost(), target.getPort())) {
      server.getOutputStream().write(request.bytes());
      HttpMessage answer =
          HttpMessage.read(server.getInputStream(), !request.method().equals("HEAD"))
              .orElseThrow(() -> new IOException("the server said nothing"));
      return conditionsAreIgnored && answer.hasStatus(412) ? DONE : answer;
    }
  }

  private static byte[] error(int status, String code) {
    String body = "<Error><Code>%s</Code><Message>planned</Message></Error>".formatted(code);
    return "HTTP/1.1 %d Planned\r\ncontent-type: application/xml\r\ncontent-length: %d\r\n\r\n%s"
        .formatted(status, body.length(), body)
        .getBytes(StandardCharsets.ISO_8859_1);
  }

  @Override
  public void close() throws IOException {
    listener.close();
    for (Socket socket : open) {
      socket.close();
    }
  }
}
