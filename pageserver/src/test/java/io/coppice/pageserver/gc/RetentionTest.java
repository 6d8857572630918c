package io.coppice.pageserver.gc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import io.coppice.common.id.Lsn;
import io.coppice.common.id.TimelineId;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

final class RetentionTest {
  private static final TimelineId ROOT = new TimelineId(0, 1);
  private static final TimelineId CHILD = new TimelineId(0, 2);
  private static final TimelineId GRANDCHILD = new TimelineId(0, 3);

  private static History history(TimelineId id, long start, long readableFrom) {
    Optional<TimelineId> ancestor =
        id.equals(ROOT) ? Optional.empty() : Optional.of(id.equals(CHILD) ? ROOT : CHILD);
    return new History(id, "t" + id.low(), ancestor, new Lsn(start), new Lsn(readableFrom));
  }

  private static Optional<Lsn> first(Retention retention, TimelineId id, long from) {
    return retention.needed(id).firstAtOrAfter(new Lsn(from));
  }

  @Test
  void keepsWhatIsReadableByItself() {
    Retention retention = new Retention(List.of(history(ROOT, 100, 300)));
    assertThat(first(retention, ROOT, 100)).hasValue(new Lsn(300));
    assertThat(first(retention, ROOT, 300)).hasValue(new Lsn(300));
    assertThat(first(retention, ROOT, 1_000)).hasValue(new Lsn(1_000));
  }

  @Test
  void looksAtEachOfManyBranchesAFewTimes() {
    List<History> histories = new ArrayList<>(List.of(history(ROOT, 100, 30_000)));
    for (int i = 0; i < 20_000; i++) {
      TimelineId id = new TimelineId(1, i);
      Lsn start = new Lsn(200 + i);
      histories.add(new History(id, "b" + i, Optional.of(ROOT), start, start));
    }
    // With a number of steps that goes with the square, it takes minutes.
    Retention retention =
        assertTimeoutPreemptively(Duration.ofSeconds(20), () -> new Retention(histories));
    assertThat(first(retention, ROOT, 100)).hasValue(new Lsn(200));
    assertThat(first(retention, ROOT, 20_199)).hasValue(new Lsn(20_199));
    assertThat(first(retention, ROOT, 20_200)).hasValue(new Lsn(30_000));
  }

  @Test
  void keepsThePointWhereABranchBegins() {
    Retention retention = new Retention(List.of(history(ROOT, 100, 900), history(CHILD, 500, 600)));
    assertThat(first(retention, ROOT, 100)).hasValue(new Lsn(500));
    assertThat(first(retention, ROOT, 500)).hasValue(new Lsn(500));
    assertThat(first(retention, ROOT, 501)).hasValue(new Lsn(900));
    assertThat(retention.holders(ROOT, new Lsn(400))).containsExactly("t2");
    assertThat(retention.holders(ROOT, new Lsn(900))).isEmpty();
  }

  @Test
  void keepsAllThatABranchCanBeReadBackTo() {
    Retention retention = new Retention(List.of(history(ROOT, 100, 900), history(CHILD, 500, 200)));
    assertThat(first(retention, ROOT, 100)).hasValue(new Lsn(200));
    assertThat(first(retention, ROOT, 300)).hasValue(new Lsn(300));
    assertThat(first(retention, ROOT, 501)).hasValue(new Lsn(900));
  }

  @Test
  void keepsWhatIsReadThroughABranch() {
    Retention retention =
        new Retention(
            List.of(
                history(ROOT, 100, 900), history(CHILD, 500, 950), history(GRANDCHILD, 700, 300)));
    assertThat(first(retention, CHILD, 0)).hasValue(new Lsn(300));
    assertThat(first(retention, CHILD, 701)).hasValue(new Lsn(950));
    assertThat(first(retention, ROOT, 100)).hasValue(new Lsn(300));
    assertThat(first(retention, ROOT, 501)).hasValue(new Lsn(900));
  }

  @Test
  void keepsEverythingOfWhatItDoesNotKnow() {
    assertThat(first(new Retention(List.of()), ROOT, 8)).hasValue(new Lsn(8));
  }

  @Test
  void followsChainsOfAnyLength() {
    List<History> chain = new ArrayList<>();
    int length = 20_000;
    for (int i = 0; i < length; i++) {
      chain.add(
          new History(
              new TimelineId(1, i),
              "t" + i,
              i == 0 ? Optional.empty() : Optional.of(new TimelineId(1, i - 1)),
              new Lsn(8L * (i + 1)),
              new Lsn(8L * length)));
    }
    Retention retention = new Retention(chain);
    assertThat(first(retention, new TimelineId(1, 0), 0)).hasValue(new Lsn(16));
  }

  @Test
  void joinsRanges() {
    LsnRanges joined =
        LsnRanges.union(
            List.of(
                LsnRanges.startingAt(new Lsn(50)).cappedAt(new Lsn(60)),
                LsnRanges.startingAt(new Lsn(10)).cappedAt(new Lsn(20)),
                LsnRanges.startingAt(new Lsn(15)).cappedAt(new Lsn(30)),
                LsnRanges.startingAt(new Lsn(70)).cappedAt(new Lsn(40))));
    assertThat(joined.firstAtOrAfter(new Lsn(1))).hasValue(new Lsn(10));
    assertThat(joined.firstAtOrAfter(new Lsn(30))).hasValue(new Lsn(30));
    assertThat(joined.firstAtOrAfter(new Lsn(31))).hasValue(new Lsn(40));
    assertThat(joined.firstAtOrAfter(new Lsn(41))).hasValue(new Lsn(50));
    assertThat(joined.firstAtOrAfter(new Lsn(61))).isEmpty();
    assertThat(LsnRanges.NONE.firstAtOrAfter(new Lsn(1))).isEmpty();
  }
}
