package io.coppice.it.history;

import static org.assertj.core.api.Assertions.assertThat;

import io.coppice.it.history.Anomaly.Kind;
import io.coppice.it.history.Operation.Append;
import io.coppice.it.history.Operation.Read;
import io.coppice.it.history.Transaction.Outcome;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Histories made by hand, each with one thing that must not be. */
final class HistoryCheckerTest {
  private final List<Transaction> history = new ArrayList<>();

  /** All overlap each other, unless placed in time. */
  private HistoryCheckerTest with(Outcome outcome, Operation... operations) {
    return at(0, Long.MAX_VALUE, outcome, operations);
  }

  private HistoryCheckerTest at(
      long invoked, long completed, Outcome outcome, Operation... operations) {
    history.add(new Transaction(history.size(), List.of(operations), outcome, invoked, completed));
    return this;
  }

  private List<Kind> found() {
    return HistoryChecker.check(history).stream().map(Anomaly::kind).toList();
  }

  private static Operation append(int key, long element) {
    return new Append(key, element);
  }

  private static Operation read(int key, Long... seen) {
    return new Read(key, List.of(seen));
  }

  @Test
  void acceptsWhatIsInOrder() {
    with(Outcome.OK, append(1, 10), read(1, 10L));
    with(Outcome.OK, read(1, 10L), append(1, 11), append(1, 12), read(1, 10L, 11L, 12L));
    with(Outcome.FAILED, append(1, 13));
    with(Outcome.UNKNOWN, append(2, 20));
    with(Outcome.UNKNOWN, append(2, 21));
    with(Outcome.OK, read(1, 10L, 11L, 12L), read(2, 21L));
    assertThat(found()).isEmpty();
  }

  @Test
  void acceptsThatACommitWithoutAnAnswerWasNotCarriedOut() {
    with(Outcome.OK, append(1, 10));
    with(Outcome.UNKNOWN, append(1, 11), read(1, 10L, 11L));
    with(Outcome.OK, append(1, 12));
    with(Outcome.OK, read(1, 10L, 12L));
    assertThat(found()).isEmpty();
  }

  @Test
  void findsThatSomebodySawACommitThatIsGone() {
    with(Outcome.UNKNOWN, append(1, 10));
    with(Outcome.OK, read(1, 10L));
    with(Outcome.OK, append(1, 11));
    with(Outcome.OK, read(1, 11L));
    assertThat(found()).containsAnyOf(Kind.ABORTED_READ, Kind.INCOMPATIBLE_ORDER);
  }

  @Test
  void findsLostAppends() {
    with(Outcome.OK, append(1, 10)).with(Outcome.OK, append(1, 11)).with(Outcome.OK, read(1, 11L));
    assertThat(found()).containsExactly(Kind.LOST_APPEND);
  }

  @Test
  void findsAListThatIsNotThereAtTheEnd() {
    with(Outcome.OK, append(1, 10)).with(Outcome.OK, read(2));
    assertThat(found()).containsExactly(Kind.LOST_APPEND);
  }

  @Test
  void findsDuplicates() {
    with(Outcome.OK, append(1, 10)).with(Outcome.OK, read(1, 10L, 10L));
    assertThat(found()).containsExactly(Kind.DUPLICATE);
  }

  @Test
  void findsStrangers() {
    with(Outcome.OK, append(1, 10)).with(Outcome.OK, read(1, 10L, 99L));
    assertThat(found()).containsExactly(Kind.STRANGER);
  }

  @Test
  void findsAbortedReads() {
    with(Outcome.FAILED, append(1, 10)).with(Outcome.OK, read(1, 10L));
    assertThat(found()).containsExactly(Kind.ABORTED_READ);
  }

  @Test
  void findsIntermediateReads() {
    with(Outcome.OK, append(1, 10), append(1, 11));
    with(Outcome.OK, read(1, 10L));
    with(Outcome.OK, read(1, 10L, 11L));
    assertThat(found()).containsExactly(Kind.INTERMEDIATE_READ);
  }

  @Test
  void findsHalfATransaction() {
    with(Outcome.UNKNOWN, append(1, 10), append(2, 20));
    with(Outcome.OK, append(2, 21));
    with(Outcome.OK, read(1, 10L), read(2, 21L));
    // What saw the first half comes after it, and had not seen the second.
    with(Outcome.OK, read(1, 10L), read(2, 21L, 20L));
    assertThat(found()).containsExactly(Kind.G_SINGLE);
  }

  @Test
  void findsTwoOrders() {
    with(Outcome.OK, append(1, 10)).with(Outcome.OK, append(1, 11));
    with(Outcome.OK, read(1, 11L)).with(Outcome.OK, read(1, 10L, 11L));
    assertThat(found()).containsExactly(Kind.INCOMPATIBLE_ORDER);
  }

  @Test
  void findsATransactionThatMissesItsOwn() {
    with(Outcome.OK, append(1, 10));
    with(Outcome.OK, append(1, 11), read(1, 10L));
    with(Outcome.OK, read(1, 10L, 11L));
    assertThat(found()).containsExactly(Kind.INTERNAL);
  }

  @Test
  void findsReadsThatAreNotRepeatable() {
    with(Outcome.OK, append(1, 10));
    with(Outcome.OK, read(1), read(1, 10L));
    with(Outcome.OK, read(1, 10L));
    assertThat(found()).contains(Kind.INTERNAL);
  }

  @Test
  void findsStaleReads() {
    at(0, 5, Outcome.OK, append(1, 10));
    at(6, 7, Outcome.OK, read(1));
    at(8, 9, Outcome.OK, read(1, 10L));
    assertThat(found()).containsExactly(Kind.STALE_READ);
  }

  @Test
  void findsAppendsInACircle() {
    with(Outcome.OK, append(1, 10), append(2, 20));
    with(Outcome.OK, append(1, 11), append(2, 21));
    with(Outcome.OK, read(1, 10L, 11L), read(2, 21L, 20L));
    assertThat(found()).containsExactly(Kind.G0);
  }

  @Test
  void findsReadsOfEachOther() {
    with(Outcome.OK, append(1, 10), read(2, 20L));
    with(Outcome.OK, append(2, 20), read(1, 10L));
    with(Outcome.OK, read(1, 10L), read(2, 20L));
    assertThat(found()).containsExactly(Kind.G1C);
  }

  @Test
  void findsReadSkew() {
    with(Outcome.OK, append(1, 10), append(2, 20));
    with(Outcome.OK, read(1, 10L), read(2));
    with(Outcome.OK, read(1, 10L), read(2, 20L));
    assertThat(found()).containsExactly(Kind.G_SINGLE);
  }

  @Test
  void findsWriteSkew() {
    with(Outcome.OK, read(1), append(2, 20));
    with(Outcome.OK, read(2), append(1, 10));
    with(Outcome.OK, read(1, 10L), read(2, 20L));
    assertThat(found()).containsExactly(Kind.G2);
  }

  @Test
  void findsLongCircles() {
    int length = 50;
    for (int i = 0; i < length; i++) {
      with(Outcome.OK, append(i, i), read((i + 1) % length, (long) (i + 1) % length));
    }
    Operation[] last = new Operation[length];
    for (int i = 0; i < length; i++) {
      last[i] = read(i, (long) i);
    }
    with(Outcome.OK, last);
    assertThat(found()).containsExactly(Kind.G1C);
  }

  /** One transaction after the other, of thousands: nothing to find, and no long wait for it. */
  @Test
  void acceptsSerialHistories() {
    Random random = new Random(1);
    List<List<Long>> lists = new ArrayList<>();
    for (int key = 0; key < 8; key++) {
      lists.add(new ArrayList<>());
    }
    for (int i = 0; i < 3_000; i++) {
      int key = random.nextInt(lists.size());
      int other = random.nextInt(lists.size());
      Operation before = new Read(other, lists.get(other));
      lists.get(key).add((long) i);
      at(2L * i, 2L * i + 1, Outcome.OK, before, append(key, i), new Read(key, lists.get(key)));
    }
    Operation[] last = new Operation[lists.size()];
    for (int key = 0; key < last.length; key++) {
      last[key] = new Read(key, lists.get(key));
    }
    at(1_000_000, 1_000_001, Outcome.OK, last);
    assertThat(found()).isEmpty();
  }
}
