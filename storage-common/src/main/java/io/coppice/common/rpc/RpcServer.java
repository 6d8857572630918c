package io.coppice.common.rpc;

import io.grpc.BindableService;
import io.grpc.Server;
import io.grpc.ServerInterceptors;
import io.grpc.health.v1.HealthCheckResponse.ServingStatus;
import io.grpc.netty.shaded.io.grpc.netty.NettyServerBuilder;
import io.grpc.protobuf.services.HealthStatusManager;
import io.grpc.protobuf.services.ProtoReflectionServiceV1;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.composite.CompositeMeterRegistry;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/**
 * A gRPC server with health, limits, and (on loopback) reflection.
 *
 * <p>Handlers run on the event loop: they must not block. What can block hops to a virtual thread.
 */
public final class RpcServer implements AutoCloseable {
  /** Largest message accepted. */
  public static final int MESSAGE_SIZE_BYTES_MAX = 4 * 1024 * 1024;

  private static final int METADATA_SIZE_BYTES_MAX = 8 * 1024;
  private static final int CONCURRENT_CALLS_MAX = 1_024;
  private static final int FLOW_CONTROL_WINDOW_BYTES = 1024 * 1024;
  private static final int SHUTDOWN_GRACE_MILLIS = 2_000;

  /**
   * A client whose machine has vanished is given up after the sum of these; until then a safekeeper
   * takes a proposer there for connected.
   */
  private static final int KEEP_ALIVE_MILLIS = 10_000;

  private static final int KEEP_ALIVE_TIMEOUT_MILLIS = 5_000;

  private final Server server;
  private final HealthStatusManager health;

  private RpcServer(Server server, HealthStatusManager health) {
    this.server = server;
    this.health = health;
  }

  /**
   * Listens; port 0 takes a free one.
   *
   * @throws IOException if the address is taken or not of this machine; the message names it
   */
  public static RpcServer start(HostPort address, List<BindableService> services)
      throws IOException {
    return start(address, services, new CompositeMeterRegistry());
  }

  /** As {@link #start(HostPort, List)}, and counts calls. */
  public static RpcServer start(
      HostPort address, List<BindableService> services, MeterRegistry registry) throws IOException {
    return start(address, services, registry, Optional.empty());
  }

  /**
   * As {@link #start(HostPort, List, MeterRegistry)}.
   *
   * @param loops what connections are served by; the caller closes them, after the server
   */
  public static RpcServer start(
      HostPort address,
      List<BindableService> services,
      MeterRegistry registry,
      Optional<EventLoops> loops)
      throws IOException {
    CallMetrics counted = new CallMetrics(registry);
    HealthStatusManager health = new HealthStatusManager();
    NettyServerBuilder builder =
        NettyServerBuilder.forAddress(address.toSocketAddress())
            .directExecutor()
            .maxInboundMessageSize(MESSAGE_SIZE_BYTES_MAX)
            .maxInboundMetadataSize(METADATA_SIZE_BYTES_MAX)
            .maxConcurrentCallsPerConnection(CONCURRENT_CALLS_MAX)
            .flowControlWindow(FLOW_CONTROL_WINDOW_BYTES)
            .permitKeepAliveTime(5, TimeUnit.SECONDS)
            .permitKeepAliveWithoutCalls(true)
            .keepAliveTime(KEEP_ALIVE_MILLIS, TimeUnit.MILLISECONDS)
            .keepAliveTimeout(KEEP_ALIVE_TIMEOUT_MILLIS, TimeUnit.MILLISECONDS)
            .addService(health.getHealthService());
    loops.ifPresent(own -> own.serve(builder));
    services.forEach(service -> builder.addService(ServerInterceptors.intercept(service, counted)));
    if (InetAddress.getByName(address.host()).isLoopbackAddress()) {
      builder.addService(ProtoReflectionServiceV1.newInstance());
    }
    Server server = builder.build();
    try {
      server.start();
    } catch (IOException e) {
      throw new IOException(
          "cannot listen on %s: %s (is another server running there?)"
              .formatted(address, rootMessage(e)),
          e);
    }
    health.setStatus(HealthStatusManager.SERVICE_NAME_ALL_SERVICES, ServingStatus.SERVING);
    return new RpcServer(server, health);
  }

  private static String rootMessage(Throwable failure) {
    Throwable cause = failure;
    while (cause.getCause() != null) {
      cause = cause.getCause();
    }
    return String.valueOf(cause.getMessage());
  }

  /** The port that is listened on. */
  public int port() {
    return ((InetSocketAddress) server.getListenSockets().getFirst()).getPort();
  }

  /** Stops accepting, gives running calls a moment, then ends them. */
  @Override
  public void close() {
    health.enterTerminalState();
    server.shutdown();
    try {
      if (!server.awaitTermination(SHUTDOWN_GRACE_MILLIS, TimeUnit.MILLISECONDS)) {
        server.shutdownNow();
        server.awaitTermination(SHUTDOWN_GRACE_MILLIS, TimeUnit.MILLISECONDS);
      }
    } catch (InterruptedException _) {
      server.shutdownNow();
      Thread.currentThread().interrupt();
    }
  }
}
