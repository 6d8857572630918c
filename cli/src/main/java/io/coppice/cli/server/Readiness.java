package io.coppice.cli.server;

import io.coppice.common.rpc.HostPort;
import io.coppice.common.rpc.RpcChannel;
import io.grpc.ManagedChannel;
import io.grpc.StatusRuntimeException;
import io.grpc.health.v1.HealthCheckRequest;
import io.grpc.health.v1.HealthCheckResponse.ServingStatus;
import io.grpc.health.v1.HealthGrpc;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/** A page server is of use as long as a quorum of safekeepers answers. */
final class Readiness implements AutoCloseable {
  private static final long TIMEOUT_MILLIS = 1_000;

  private final List<ManagedChannel> safekeepers;

  Readiness(List<HostPort> safekeepers) {
    this.safekeepers = safekeepers.stream().map(RpcChannel::open).toList();
  }

  /** Why it is of no use now; empty if it is. */
  Optional<String> notReady() {
    long serving = safekeepers.stream().parallel().filter(Readiness::isServing).count();
    return serving > safekeepers.size() / 2
        ? Optional.empty()
        : Optional.of("only %d of %d safekeepers answer".formatted(serving, safekeepers.size()));
  }

  private static boolean isServing(ManagedChannel channel) {
    try {
      return HealthGrpc.newBlockingStub(channel)
              .withDeadlineAfter(TIMEOUT_MILLIS, TimeUnit.MILLISECONDS)
              .check(HealthCheckRequest.getDefaultInstance())
              .getStatus()
          == ServingStatus.SERVING;
    } catch (StatusRuntimeException _) {
      return false;
    }
  }

  @Override
  public void close() {
    safekeepers.forEach(ManagedChannel::shutdownNow);
  }
}
