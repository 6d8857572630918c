package io.coppice.common.rpc;

import io.grpc.ForwardingServerCall.SimpleForwardingServerCall;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.Status;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.MeterRegistry;
import java.util.Locale;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Counts the calls of a server by how they ended. A stream counts once, at its end; its messages
 * cost nothing here.
 */
final class CallMetrics implements ServerInterceptor {
  private final MeterRegistry registry;
  private final ConcurrentHashMap<Ending, Counter> counters = new ConcurrentHashMap<>();

  /** Only methods that the server has come here, so there are not many of these. */
  private record Ending(String service, String method, Status.Code code) {}

  CallMetrics(MeterRegistry registry) {
    this.registry = registry;
  }

  @Override
  public <Q, A> ServerCall.Listener<Q> interceptCall(
      ServerCall<Q, A> call, Metadata headers, ServerCallHandler<Q, A> next) {
    return next.startCall(new Counted<>(call), headers);
  }

  private final class Counted<Q, A> extends SimpleForwardingServerCall<Q, A> {
    Counted(ServerCall<Q, A> call) {
      super(call);
    }

    @Override
    public void close(Status status, Metadata trailers) {
      count(
          new Ending(
              String.valueOf(getMethodDescriptor().getServiceName()),
              String.valueOf(getMethodDescriptor().getBareMethodName()),
              status.getCode()));
      super.close(status, trailers);
    }
  }

  private void count(Ending ending) {
    counters
        .computeIfAbsent(
            ending,
            _ ->
                Counter.builder("coppice_rpc_calls")
                    .description("Calls of a gRPC service that ended, by their status.")
                    .tag("service", ending.service())
                    .tag("method", ending.method())
                    .tag("code", ending.code().name().toLowerCase(Locale.ROOT))
                    .register(registry))
        .increment();
  }
}
