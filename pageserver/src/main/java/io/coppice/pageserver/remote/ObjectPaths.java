package io.coppice.pageserver.remote;

import io.coppice.common.id.TenantId;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.pageserver.layer.LayerName;

/**
 * Names of objects.
 *
 * <pre>
 *  generations/&lt;generation&gt;
 *  tenants/&lt;tenant&gt;/tenant.json
 *  tenants/&lt;tenant&gt;/timelines/&lt;timeline&gt;/index.json-&lt;generation&gt;
 *  tenants/&lt;tenant&gt;/timelines/&lt;timeline&gt;/&lt;layer name, which ends in its generation&gt;
 * </pre>
 */
public final class ObjectPaths {
  static final String GENERATIONS = "generations/";

  /** Where all tenants are. */
  public static final String TENANTS = "tenants/";

  private ObjectPaths() {}

  static String generation(int generation) {
    return GENERATIONS + "%08x".formatted(generation);
  }

  static String tenant(TenantId tenant) {
    return TENANTS + tenant + "/tenant.json";
  }

  /** Where all timelines of a tenant are. */
  public static String timelines(TenantId tenant) {
    return TENANTS + tenant + "/timelines/";
  }

  static String timeline(TenantTimelineId id) {
    return timelines(id.tenant()) + id.timeline() + "/";
  }

  static String indexes(TenantTimelineId id) {
    return timeline(id) + "index.json-";
  }

  static String index(TenantTimelineId id, int generation) {
    return indexes(id) + "%08x".formatted(generation);
  }

  static String layer(TenantTimelineId id, LayerName layer) {
    return timeline(id) + layer;
  }
}
