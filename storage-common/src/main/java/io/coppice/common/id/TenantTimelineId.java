package io.coppice.common.id;

/** A timeline together with the tenant that owns it. */
public record TenantTimelineId(TenantId tenant, TimelineId timeline)
    implements Comparable<TenantTimelineId> {

  @Override
  public int compareTo(TenantTimelineId other) {
    int byTenant = tenant.compareTo(other.tenant);
    return byTenant != 0 ? byTenant : timeline.compareTo(other.timeline);
  }

  @Override
  public String toString() {
    return tenant + "/" + timeline;
  }
}
