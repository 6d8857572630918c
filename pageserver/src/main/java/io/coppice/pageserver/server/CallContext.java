package io.coppice.pageserver.server;

import io.coppice.common.id.TenantId;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.common.id.TimelineId;
import io.coppice.common.rpc.RpcHeaders;
import io.grpc.Context;
import io.grpc.Contexts;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.Status;
import java.util.Objects;

/** Reads the headers that name the timeline of a call, and refuses calls without them. */
final class CallContext implements ServerInterceptor {
  private static final Context.Key<TenantTimelineId> TIMELINE = Context.key("timeline");
  private static final String ONLY_SHARD = "0000";

  /** The timeline that the present call is about. */
  static TenantTimelineId timeline() {
    return Objects.requireNonNull(TIMELINE.get());
  }

  @Override
  public <Q, A> ServerCall.Listener<Q> interceptCall(
      ServerCall<Q, A> call, Metadata headers, ServerCallHandler<Q, A> next) {
    try {
      String shard = headers.get(RpcHeaders.SHARD_ID);
      if (shard != null && !shard.equals(ONLY_SHARD)) {
        throw new IllegalArgumentException(
            "%s is \"%s\", but a tenant has one shard (0000)"
                .formatted(RpcHeaders.SHARD_ID.name(), shard));
      }
      TenantTimelineId timeline =
          new TenantTimelineId(
              TenantId.parse(require(headers, RpcHeaders.TENANT_ID)),
              TimelineId.parse(require(headers, RpcHeaders.TIMELINE_ID)));
      return Contexts.interceptCall(
          Context.current().withValue(TIMELINE, timeline), call, headers, next);
    } catch (IllegalArgumentException e) {
      call.close(Status.INVALID_ARGUMENT.withDescription(e.getMessage()), new Metadata());
      return new ServerCall.Listener<>() {};
    }
  }

  private static String require(Metadata headers, Metadata.Key<String> key) {
    String value = headers.get(key);
    if (value == null) {
      throw new IllegalArgumentException("the call has no %s header".formatted(key.name()));
    }
    return value;
  }
}
