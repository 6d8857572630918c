package io.coppice.safekeeper.wal;

import static org.assertj.core.api.Assertions.assertThat;

import io.coppice.common.id.Lsn;
import java.io.RandomAccessFile;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A log is opened by looking behind the commit LSN, however long it is. */
final class RestartTest {
  private static final int SEGMENT = 16 << 20;
  private static final int COMMITTED_SEGMENTS = 64;

  @TempDir Path directory;

  /**
   * A GiB that is committed, all holes, so any look at it would refuse it; then as much as there
   * can be behind a commit LSN that was persisted.
   */
  @Test
  void isReadyInASecondWithAGibibyte() throws Exception {
    Lsn commit = new Lsn((5L + COMMITTED_SEGMENTS) * SEGMENT + 40);
    TestLog log = new TestLog(directory.resolve("wal"), SEGMENT, commit);
    log.append(1_500, 20_000, 1);
    log.writeAll();
    TestLog longLog = new TestLog(directory.resolve("wal"), SEGMENT, new Lsn(5L * SEGMENT + 40));
    for (long number = 5; number < 5 + COMMITTED_SEGMENTS; number++) {
      try (RandomAccessFile file =
          new RandomAccessFile(log.segments().path(number).toFile(), "rw")) {
        file.setLength(SEGMENT);
      }
    }
    long best = Long.MAX_VALUE;
    for (int i = 0; i < 3; i++) {
      long start = System.nanoTime();
      try (FileWalStore store = longLog.open(commit)) {
        best = Math.min(best, System.nanoTime() - start);
        assertThat(store.flushLsn()).isEqualTo(log.ends().getLast());
      }
    }
    assertThat(Duration.ofNanos(best)).isLessThan(Duration.ofSeconds(1));
  }
}
