package io.coppice.pageserver.remote;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.TenantId;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.common.id.TimelineId;
import io.coppice.common.id.WalStart;
import io.coppice.common.key.Key;
import io.coppice.pageserver.layer.LayerDescriptor;
import io.coppice.pageserver.layer.LayerKind;
import io.coppice.pageserver.layer.LayerName;
import java.io.IOException;
import java.io.InputStream;
import java.time.Instant;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** Golden files are what earlier versions wrote; they are not rewritten. */
final class TimelineIndexCodecTest {
  private static final TenantTimelineId ID =
      new TenantTimelineId(new TenantId(1, 2), new TimelineId(3, 4));
  private static final Lsn START = new Lsn(0x2000028);
  private static final Lsn END = new Lsn(0x2000128);

  /** What all golden files say. */
  private static TimelineIndex index() {
    TimelineIdentity identity =
        new TimelineIdentity(
            ID,
            Instant.parse("2026-11-21T12:00:00.123456Z"),
            Optional.of(new TimelineId(5, 6)),
            START,
            17,
            -5,
            1 << 24);
    LayerName layer =
        new LayerName(LayerKind.DELTA, Key.MIN, Key.MAX, START.plus(1), END.plus(1), 1);
    return TimelineIndex.starting(identity, "feature", new Lsn(0x1000028), Lsn.INVALID)
        .with()
        .diskConsistent(END, new Lsn(0x20000F0))
        .walStart(new WalStart(3, 2))
        .layers(List.of(new LayerDescriptor(layer, 1, 12345, 0x0a1b2c3d)))
        .build();
  }

  private static byte[] golden(String name) throws IOException {
    try (InputStream file =
        Objects.requireNonNull(
            TimelineIndexCodecTest.class.getResourceAsStream("/golden/timeline-index/" + name))) {
      return file.readAllBytes();
    }
  }

  private static TimelineIndex decode(byte[] bytes) throws StorageException {
    return TimelineIndexCodec.decode("index", ID, bytes);
  }

  @Test
  void readsAndWritesVersion3() throws Exception {
    assertThat(TimelineIndexCodec.encode(index())).isEqualTo(golden("v3.json"));
    assertThat(decode(golden("v3.json"))).isEqualTo(index());
  }

  @Test
  void readsAndWritesWhatIsSetAboutABranch() throws Exception {
    TimelineIndex index =
        index()
            .with()
            .term(
                new BranchTerm(
                    true,
                    Optional.of(Instant.parse("2026-11-22T12:00:00Z")),
                    Optional.of(Instant.parse("2026-11-22T12:00:03.5Z"))))
            .replaced(new Replaced(new TimelineId(7, 8), "old"))
            .build();
    assertThat(TimelineIndexCodec.encode(index)).isEqualTo(golden("v3-branch-options.json"));
    assertThat(decode(golden("v3-branch-options.json"))).isEqualTo(index);
  }

  @Test
  void readsAndWritesWhatIsKeptOfABranch() throws Exception {
    TimelineIndex index =
        index()
            .with()
            .term(
                BranchTerm.OPEN.withArchivedAt(Optional.of(Instant.parse("2026-11-23T12:00:00Z"))))
            .hold(
                new HistoryHold(
                    Optional.of("audit 17"),
                    List.of(
                        new LsnLease(new Lsn(0x1000028), Instant.parse("2026-12-01T00:00:00Z")),
                        new LsnLease(new Lsn(0x2000100), Instant.parse("2026-11-30T00:00:00Z")))))
            .build();
    assertThat(TimelineIndexCodec.encode(index)).isEqualTo(golden("v3-holds.json"));
    assertThat(decode(golden("v3-holds.json"))).isEqualTo(index);
  }

  @Test
  void readsVersion2() throws Exception {
    assertThat(decode(golden("v2.json"))).isEqualTo(index());
  }

  @Test
  void takesWalOfVersion1ForStartedOnceAnyHasCome() throws Exception {
    assertThat(decode(golden("v1.json")))
        .isEqualTo(index().with().walStart(new WalStart(1, 1)).build());
    assertThat(decode(golden("v1-new.json")))
        .isEqualTo(
            index()
                .with()
                .walStart(WalStart.NONE)
                .diskConsistent(START, Lsn.INVALID)
                .layers(List.of())
                .build());
  }

  @Test
  void refusesAnIndexOfAProgramThatKnowsMore() {
    assertThatThrownBy(() -> decode(golden("v3-unknown-field.json")))
        .isInstanceOf(StorageException.Unsupported.class)
        .hasMessageContaining("\"colour\"");
  }

  @Test
  void refusesAnIndexOfAnotherTimeline() {
    TenantTimelineId other = new TenantTimelineId(ID.tenant(), new TimelineId(9, 9));
    assertThatThrownBy(() -> TimelineIndexCodec.decode("index", other, golden("v3.json")))
        .isInstanceOf(StorageException.Corrupt.class)
        .hasMessageContaining(ID.toString());
  }

  @Test
  void changesOnlyWhatIsSet() {
    TimelineIndex changed = index().with().name("other").build();
    assertThat(changed.name()).isEqualTo("other");
    assertThat(changed.with().name("feature").build()).isEqualTo(index());
    assertThat(index().with().deleted(true).build().with().deleted(false).build())
        .isEqualTo(index());
  }
}
