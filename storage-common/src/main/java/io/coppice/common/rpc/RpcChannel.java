package io.coppice.common.rpc;

import io.grpc.ManagedChannel;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import java.util.concurrent.TimeUnit;

/**
 * Client connections. Callbacks run on the event loop: they must not block.
 *
 * <p>Headers of the page service are in {@link RpcHeaders}.
 */
public final class RpcChannel {
  private static final int FLOW_CONTROL_WINDOW_BYTES = 1024 * 1024;

  private RpcChannel() {}

  /** A channel that connects on first use and reconnects by itself. The caller shuts it down. */
  public static ManagedChannel open(HostPort address) {
    return builder(address).build();
  }

  static NettyChannelBuilder builder(HostPort address) {
    return NettyChannelBuilder.forAddress(address.host(), address.port())
        .usePlaintext()
        .directExecutor()
        .maxInboundMessageSize(RpcServer.MESSAGE_SIZE_BYTES_MAX)
        .flowControlWindow(FLOW_CONTROL_WINDOW_BYTES)
        .keepAliveTime(10, TimeUnit.SECONDS)
        .keepAliveTimeout(5, TimeUnit.SECONDS);
  }
}
