package io.coppice.safekeeper.sim;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(120)
final class LongRunTest {
  private static final long FIRST = 40;
  private static final long TRIES = 25;

  @TempDir Path directory;

  private LongRun open(String code, long tries) throws IOException {
    return new LongRun(directory.resolve("journal"), code, FIRST, tries, 10, Schedule.ALL_KINDS, 1);
  }

  @Test
  void goesOnWhereItWasStopped() throws Exception {
    assertThat(open("a", TRIES).runSlice()).isEmpty();
    LongRun second = open("a", TRIES);
    assertThat(second.done()).isEqualTo(10);
    assertThat(second.runSlice()).isEmpty();
    LongRun third = open("a", TRIES);
    assertThat(third.isDone()).isFalse();
    assertThat(third.runSlice()).isEmpty();
    assertThat(third.isDone()).isTrue();

    Batch whole = new Batch(FIRST, TRIES, Schedule.ALL_KINDS, 1);
    whole.run();
    assertThat(open("a", TRIES).coverage()).hasToString(whole.coverage().toString());
  }

  @Test
  void isOfOneCodeAndOneRange() throws Exception {
    assertThat(open("a", TRIES).runSlice()).isEmpty();
    assertThatIllegalArgumentException()
        .isThrownBy(() -> open("b", TRIES))
        .withMessageContaining("a run with classes a, this one has b");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> open("a", TRIES + 1))
        .withMessageContaining("a run with tries 25, this one has 26");
  }

  @Test
  void refusesWhatIsNoJournal() throws Exception {
    Files.writeString(directory.resolve("journal"), "something=else");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> open("a", TRIES))
        .withMessageContaining("is no journal: it has no next");
  }
}
