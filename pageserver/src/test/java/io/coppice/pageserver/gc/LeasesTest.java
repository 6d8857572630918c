package io.coppice.pageserver.gc;

import static org.assertj.core.api.Assertions.assertThat;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.TenantId;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.common.id.TimelineId;
import io.coppice.common.platform.Clock;
import java.time.Duration;
import java.time.Instant;
import org.junit.jupiter.api.Test;

final class LeasesTest {
  private static final TenantTimelineId BRANCH =
      new TenantTimelineId(new TenantId(1, 1), new TimelineId(1, 1));

  private static final class HandClock implements Clock {
    Duration passed = Duration.ZERO;

    @Override
    public Instant now() {
      return Instant.EPOCH.plus(passed);
    }

    @Override
    public long monotonicNanos() {
      return passed.toNanos();
    }
  }

  @Test
  void lastTenMinutesFromTheirRenewal() throws StorageException {
    HandClock clock = new HandClock();
    Leases leases = new Leases(clock);
    assertThat(leases.lease(BRANCH, new Lsn(80))).isEqualTo(Instant.EPOCH.plus(Leases.DURATION));
    var _ = leases.lease(BRANCH, new Lsn(96));
    clock.passed = Duration.ofMinutes(6);
    var _ = leases.lease(BRANCH, new Lsn(96));
    assertThat(leases.oldest(BRANCH)).hasValue(new Lsn(80));
    clock.passed = Duration.ofMinutes(10);
    assertThat(leases.oldest(BRANCH)).hasValue(new Lsn(96));
    clock.passed = Duration.ofMinutes(16);
    assertThat(leases.oldest(BRANCH)).isEmpty();
  }

  @Test
  void tellsHowLongEarlierOnesMayLast() {
    HandClock clock = new HandClock();
    clock.passed = Duration.ofHours(1);
    Leases leases = new Leases(clock);
    assertThat(leases.unknownFor()).isEqualTo(Leases.DURATION);
    clock.passed = Duration.ofMinutes(69);
    assertThat(leases.unknownFor()).isEqualTo(Duration.ofMinutes(1));
    clock.passed = Duration.ofMinutes(70);
    assertThat(leases.unknownFor()).isZero();
  }
}
