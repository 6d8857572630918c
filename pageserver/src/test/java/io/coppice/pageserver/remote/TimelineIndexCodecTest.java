package io.coppice.pageserver.remote;

import static org.assertj.core.api.Assertions.assertThat;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.TenantId;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.common.id.TimelineId;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

final class TimelineIndexCodecTest {
  private static final TenantTimelineId ID =
      new TenantTimelineId(new TenantId(1, 2), new TimelineId(3, 4));
  private static final Lsn START = new Lsn(0x2000028);

  private static TimelineIndex index() {
    return new TimelineIndex(
        ID,
        "main",
        Instant.parse("2026-11-21T12:00:00Z"),
        Optional.empty(),
        START,
        START,
        START,
        Lsn.INVALID,
        17,
        -5,
        1 << 24,
        WalStart.NONE,
        false,
        List.of());
  }

  @Test
  void keepsThatWalWasStarted() throws StorageException {
    TimelineIndex index = index();
    assertThat(TimelineIndexCodec.decode("index", ID, TimelineIndexCodec.encode(index)))
        .isEqualTo(index);
    TimelineIndex started = index.withWalStart(new WalStart(3, 2));
    assertThat(TimelineIndexCodec.decode("index", ID, TimelineIndexCodec.encode(started)))
        .isEqualTo(started);
    assertThat(started.withLayers(START.plus(8), START, List.of()).walStart().started())
        .isEqualTo(2);
    assertThat(started.asDeleted().walStart().isStarted()).isTrue();
  }

  @Test
  void takesWalOfAnOlderIndexForStartedOnceAnyHasCome() throws StorageException {
    assertThat(readAsVersion1(START)).isEqualTo(index());
    Lsn further = START.plus(8);
    assertThat(readAsVersion1(further))
        .isEqualTo(
            index().withLayers(further, Lsn.INVALID, List.of()).withWalStart(new WalStart(1, 1)));
  }

  private static TimelineIndex readAsVersion1(Lsn diskConsistentLsn) throws StorageException {
    byte[] bytes =
        new DocumentCodec<>("coppice-timeline", 1, TimelineIndexV1.Json.class)
            .encode(
                new TimelineIndexV1.Json(
                    ID.tenant().toString(),
                    ID.timeline().toString(),
                    "main",
                    "2026-11-21T12:00:00Z",
                    null,
                    START.toString(),
                    START.toString(),
                    diskConsistentLsn.toString(),
                    Lsn.INVALID.toString(),
                    17,
                    Long.toUnsignedString(-5),
                    1 << 24,
                    false,
                    List.of()));
    return TimelineIndexCodec.decode("index", ID, bytes);
  }
}
