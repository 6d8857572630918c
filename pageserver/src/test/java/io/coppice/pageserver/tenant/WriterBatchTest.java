package io.coppice.pageserver.tenant;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.pageserver.timeline.Timeline;
import io.coppice.pageserver.timeline.TimelineWriter;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Records that are ended one by one and published together. */
@Timeout(60)
final class WriterBatchTest {
  private static final Lsn FIRST = Store.START.plus(8);
  private static final Lsn SECOND = Store.START.plus(16);

  @TempDir Path directory;

  @SuppressWarnings("NullAway.Init")
  private Store store;

  @SuppressWarnings("NullAway.Init")
  private Timeline root;

  @SuppressWarnings("NullAway.Init")
  private TimelineWriter writer;

  @BeforeEach
  void open() throws StorageException {
    store = new Store(directory);
    root = store.importEmpty();
    writer = root.writer();
  }

  @AfterEach
  void close() {
    store.close();
  }

  private void endFirst() throws StorageException {
    Store.put(root, Store.block(1), FIRST, "first");
    writer.endRecord(Store.START, FIRST);
  }

  private void checkBoth(String second) throws Exception {
    assertThat(root.recordPosition().last()).isEqualTo(SECOND);
    assertThat(root.recordPosition().previous()).isEqualTo(FIRST);
    root.flush(30_000);
    assertThat(root.diskConsistentLsn()).isEqualTo(SECOND);
    assertThat(Store.read(root, Store.block(1), SECOND)).hasValue("first");
    assertThat(Store.read(root, Store.block(2), SECOND)).hasValue(second);
    assertThat(Store.read(root, Store.block(2), FIRST)).isEmpty();
  }

  @Test
  void publishesTheRecordsOfABatchTogether() throws Exception {
    endFirst();
    Store.put(root, Store.block(2), SECOND, "second");
    writer.endRecord(FIRST, SECOND);
    assertThat(root.lastRecordLsn()).isEqualTo(Store.START);
    writer.publish();
    checkBoth("second");
  }

  @Test
  void keepsWhatWasEndedWhenTheNextRecordIsDiscarded() throws Exception {
    endFirst();
    Store.put(root, Store.block(2), SECOND, "half of a record");
    writer.discardRecord();
    assertThat(root.lastRecordLsn()).isEqualTo(FIRST);
    Store.put(root, Store.block(2), SECOND, "again");
    writer.finishRecord(FIRST, SECOND);
    checkBoth("again");
  }

  /** As when a database is copied: the record reads what those before it made. */
  @Test
  void publishesWhatWasEndedWhileARecordIsBegun() throws Exception {
    endFirst();
    Store.put(root, Store.block(2), SECOND, "second");
    writer.publish();
    assertThat(root.lastRecordLsn()).isEqualTo(FIRST);
    assertThat(Store.read(root, Store.block(1), FIRST)).hasValue("first");
    // Nothing may be frozen in the middle of a record.
    assertThatThrownBy(() -> root.flush(500)).isInstanceOf(StorageException.Transient.class);
    writer.finishRecord(FIRST, SECOND);
    checkBoth("second");
  }
}
