package io.coppice.common.rpc;

import io.coppice.common.id.TenantTimelineId;
import io.grpc.Metadata;

/** Metadata headers that say which timeline a call of the page service is about. */
public final class RpcHeaders {
  public static final Metadata.Key<String> TENANT_ID = ascii("neon-tenant-id");
  public static final Metadata.Key<String> TIMELINE_ID = ascii("neon-timeline-id");
  public static final Metadata.Key<String> SHARD_ID = ascii("neon-shard-id");

  private RpcHeaders() {}

  /** The headers of calls about one timeline. */
  public static Metadata of(TenantTimelineId timeline) {
    Metadata headers = new Metadata();
    headers.put(TENANT_ID, timeline.tenant().toString());
    headers.put(TIMELINE_ID, timeline.timeline().toString());
    return headers;
  }

  private static Metadata.Key<String> ascii(String name) {
    return Metadata.Key.of(name, Metadata.ASCII_STRING_MARSHALLER);
  }
}
