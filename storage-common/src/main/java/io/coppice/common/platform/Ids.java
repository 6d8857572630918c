package io.coppice.common.platform;

import io.coppice.common.id.TenantId;
import io.coppice.common.id.TimelineId;
import java.security.SecureRandom;
import java.util.random.RandomGenerator;

/** Makes new ids. */
public final class Ids {
  private static final SecureRandom SECURE = new SecureRandom();

  private Ids() {}

  /** The randomness of production; simulations bring their own. */
  public static RandomGenerator secureRandom() {
    return SECURE;
  }

  public static TenantId newTenantId(RandomGenerator random) {
    return new TenantId(random.nextLong(), random.nextLong());
  }

  public static TimelineId newTimelineId(RandomGenerator random) {
    return new TimelineId(random.nextLong(), random.nextLong());
  }
}
