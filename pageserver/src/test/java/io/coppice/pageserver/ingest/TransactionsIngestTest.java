package io.coppice.pageserver.ingest;

import static org.assertj.core.api.Assertions.assertThat;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.key.Key;
import io.coppice.pageserver.fixture.Records;
import io.coppice.pageserver.query.Commit;
import io.coppice.pageserver.query.TimelineReader;
import io.coppice.pageserver.timeline.TimelineKeys;
import io.coppice.postgres.bytes.LittleEndian;
import io.coppice.postgres.control.CheckPoint;
import io.coppice.postgres.record.RecordKind;
import io.coppice.postgres.record.ResourceManager;
import io.coppice.postgres.redo.SlruPages;
import io.coppice.postgres.redo.StoredValues;
import io.coppice.postgres.version.PostgresVersion;
import java.nio.ByteBuffer;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Transactions, SLRUs and the checkpoint, from records written by hand. */
final class TransactionsIngestTest {
  private static final int CLOG = TimelineKeys.SLRU_TRANSACTION_STATUS;
  private static final int OFFSETS = TimelineKeys.SLRU_MULTIXACT_OFFSETS;
  private static final int MEMBERS = TimelineKeys.SLRU_MULTIXACT_MEMBERS;
  private static final int XACTS = SlruPages.XACTS_PER_PAGE;

  private final Wal wal = new Wal();

  private Lsn zeroStatusPage(int page) throws StorageException {
    return wal.record(
        ResourceManager.CLOG, RecordKind.CLOG_ZEROPAGE, 0, Records.bytes(4).putInt(page).array());
  }

  private Lsn end(int kind, int xid, long timeMicros, int... subtransactions)
      throws StorageException {
    byte[] main = new byte[16 + 4 * subtransactions.length];
    ByteBuffer fields = Records.over(main).putLong(timeMicros);
    fields.putInt(1 << 1).putInt(subtransactions.length);
    for (int subtransaction : subtransactions) {
      fields.putInt(subtransaction);
    }
    return wal.record(ResourceManager.XACT, kind | RecordKind.XACT_HAS_INFO, xid, main);
  }

  private byte[] slru(int kind, int page) throws StorageException {
    return wal.timeline.getLatest(TimelineKeys.slruBlock(kind, page / 32, page % 32)).orElseThrow();
  }

  private int status(int xid) throws StorageException {
    return SlruPages.xactStatus(slru(CLOG, SlruPages.xactPage(xid)), xid);
  }

  private int segmentPages(int kind, int segment) throws StorageException {
    return TimelineReader.decodeSlruSegmentPages(
        wal.timeline.getLatest(TimelineKeys.slruSegmentSize(kind, segment)).orElseThrow());
  }

  private List<Integer> segments(int kind) throws StorageException {
    TimelineKeys.Range range = TimelineKeys.slruSegments(kind);
    return wal.timeline.keys(range.from(), range.toExclusive()).stream()
        .map(TimelineKeys::listedSegment)
        .toList();
  }

  @Test
  void commitAndAbortSetStatusOfSubtransactionsOnAllPages() throws Exception {
    zeroStatusPage(0);
    zeroStatusPage(1);
    end(RecordKind.XACT_COMMIT, XACTS - 1, 10, XACTS, XACTS - 2, XACTS + 1);
    assertThat(status(XACTS - 2)).isEqualTo(StoredValues.XACT_COMMITTED);
    end(RecordKind.XACT_ABORT, 2_000, 11, 2_002);
    assertThat(status(XACTS - 1)).isEqualTo(StoredValues.XACT_COMMITTED);
    assertThat(status(XACTS)).isEqualTo(StoredValues.XACT_COMMITTED);
    assertThat(status(XACTS + 1)).isEqualTo(StoredValues.XACT_COMMITTED);
    assertThat(status(2_000)).isEqualTo(StoredValues.XACT_ABORTED);
    assertThat(status(2_001)).isZero();
    assertThat(status(2_002)).isEqualTo(StoredValues.XACT_ABORTED);
    assertThat(segmentPages(CLOG, 0)).isEqualTo(2);
  }

  @Test
  void statusPageThatIsNotThereCountsAsZeros() throws Exception {
    end(RecordKind.XACT_COMMIT, 5 * XACTS + 7, 10);
    assertThat(status(5 * XACTS + 7)).isEqualTo(StoredValues.XACT_COMMITTED);
    assertThat(segmentPages(CLOG, 0)).isEqualTo(6);
    assertThat(slru(CLOG, 4)).containsOnly(0);
  }

  @Test
  void statusSegmentsGoWhenTransactionsAreForgotten() throws Exception {
    for (int page = 0; page < 70; page++) {
      zeroStatusPage(page);
    }
    end(RecordKind.XACT_COMMIT, 69 * XACTS, 10);
    assertThat(segments(CLOG)).containsExactly(0, 1, 2);
    wal.record(
        ResourceManager.CLOG,
        RecordKind.CLOG_TRUNCATE,
        0,
        Records.bytes(12).putInt(65).putInt(65 * XACTS).putInt(5).array());
    assertThat(segments(CLOG)).containsExactly(2);
    assertThat(wal.timeline.getLatest(TimelineKeys.slruSegmentSize(CLOG, 0))).isEmpty();
    assertThat(wal.checkPoint().oldestXid()).isEqualTo(65 * XACTS);
    assertThat(wal.checkPoint().oldestXidDb()).isEqualTo(5);
  }

  @Test
  void nextTransactionIdIsRoundedUpSoThatTheCheckpointIsSeldomWritten() throws Exception {
    zeroStatusPage(0);
    end(RecordKind.XACT_COMMIT, 1_000, 10);
    assertThat(wal.checkPoint().nextFullXid()).isEqualTo(1_024);
    int before = wal.timeline.versions(TimelineKeys.CHECKPOINT).size();
    end(RecordKind.XACT_COMMIT, 1_001, 10);
    assertThat(wal.timeline.versions(TimelineKeys.CHECKPOINT)).hasSize(before);
    end(RecordKind.XACT_COMMIT, 1_024, 10);
    assertThat(wal.checkPoint().nextFullXid()).isEqualTo(2_048);
  }

  @Test
  void nextTransactionIdGoesIntoTheNextEpoch() throws Exception {
    Wal old =
        new Wal(
            new CheckPoint()
                .setTimeline(1)
                .setNextFullXid(0xFFFF_FFF0L)
                .setNextMulti(1)
                .setOldestXid(0x9000_0000)
                .setOldestMulti(1));
    old.record(ResourceManager.XACT, RecordKind.XACT_ASSIGNMENT, -6, new byte[8]);
    assertThat(old.checkPoint().nextFullXid()).isEqualTo(0xFFFF_FFFBL);
    old.record(ResourceManager.XACT, RecordKind.XACT_ASSIGNMENT, -1, new byte[8]);
    assertThat(old.checkPoint().nextFullXid()).isEqualTo(0x1_0000_0003L);
    old.record(ResourceManager.XACT, RecordKind.XACT_ASSIGNMENT, 3, new byte[8]);
    assertThat(old.checkPoint().nextFullXid()).isEqualTo(0x1_0000_0400L);
  }

  @Test
  void commitIndexHasOneVersionForEachCommitWithTheLatestTimeYet() throws Exception {
    zeroStatusPage(0);
    Lsn a = end(RecordKind.XACT_COMMIT, 1_000, 100);
    Lsn b = end(RecordKind.XACT_COMMIT, 1_001, 50);
    end(RecordKind.XACT_ABORT, 1_002, 500);
    assertThat(wal.timeline.versions(TimelineKeys.COMMIT_INDEX)).containsExactly(a, b);
    Commit last = Commit.read(wal.timeline.getLatest(TimelineKeys.COMMIT_INDEX).orElseThrow());
    assertThat(last).isEqualTo(new Commit(b, 50, 100));
  }

  @Test
  void multixactsGoOverPagesAndRoundTheEndOfMembers() throws Exception {
    for (int page = 0; page < 2; page++) {
      zeroMultiPage(RecordKind.MULTIXACT_ZERO_OFF_PAGE, page);
      zeroMultiPage(RecordKind.MULTIXACT_ZERO_MEM_PAGE, page);
    }
    createMulti(
        SlruPages.OFFSETS_PER_PAGE - 1, SlruPages.MEMBERS_PER_PAGE - 1, 1_200, 1_201, 1_202);
    assertThat(SlruPages.memberOffset(slru(OFFSETS, 0), SlruPages.OFFSETS_PER_PAGE - 1))
        .isEqualTo(SlruPages.MEMBERS_PER_PAGE - 1);
    assertThat(SlruPages.memberOffset(slru(OFFSETS, 1), SlruPages.OFFSETS_PER_PAGE))
        .isEqualTo(SlruPages.MEMBERS_PER_PAGE + 2);
    assertThat(LittleEndian.i32(slru(MEMBERS, 0), 8_180 - 4)).isEqualTo(1_200);
    assertThat(LittleEndian.i32(slru(MEMBERS, 1), 4)).isEqualTo(1_201);
    assertThat(LittleEndian.i32(slru(MEMBERS, 1), 8)).isEqualTo(1_202);
    assertThat(wal.checkPoint().nextMulti()).isEqualTo(SlruPages.OFFSETS_PER_PAGE);
    assertThat(wal.checkPoint().nextMultiOffset()).isEqualTo(SlruPages.MEMBERS_PER_PAGE + 2);
    assertThat(wal.checkPoint().nextFullXid()).isEqualTo(2_048);
  }

  private void zeroMultiPage(int kind, int page) throws StorageException {
    wal.record(ResourceManager.MULTIXACT, kind, 0, Records.bytes(4).putInt(page).array());
  }

  private void createMulti(int multi, int offset, int... xids) throws StorageException {
    byte[] main = new byte[12 + 8 * xids.length];
    ByteBuffer fields = Records.over(main).putInt(multi).putInt(offset).putInt(xids.length);
    for (int xid : xids) {
      fields.putInt(xid).putInt(1);
    }
    wal.record(ResourceManager.MULTIXACT, RecordKind.MULTIXACT_CREATE_ID, xids[0], main);
  }

  @Test
  void multixactSegmentsGoWhenTheyAreForgotten() throws Exception {
    for (int page = 0; page < 70; page++) {
      zeroMultiPage(RecordKind.MULTIXACT_ZERO_OFF_PAGE, page);
      zeroMultiPage(RecordKind.MULTIXACT_ZERO_MEM_PAGE, page);
    }
    int multi = 69 * SlruPages.OFFSETS_PER_PAGE;
    int member = 69 * SlruPages.MEMBERS_PER_PAGE;
    createMulti(multi, member, 1_200, 1_201);
    wal.record(
        ResourceManager.MULTIXACT,
        RecordKind.MULTIXACT_TRUNCATE_ID,
        0,
        Records.bytes(20).putInt(5).putInt(1).putInt(multi).putInt(0).putInt(member).array());
    assertThat(segments(OFFSETS)).containsExactly(2);
    assertThat(segments(MEMBERS)).containsExactly(2);
    assertThat(wal.checkPoint().oldestMulti()).isEqualTo(multi);
    assertThat(wal.checkPoint().oldestMultiDb()).isEqualTo(5);
  }

  @Test
  void checkpointsAreBelievedAsRecoveryDoes() throws Exception {
    checkpoint(RecordKind.XLOG_CHECKPOINT_ONLINE, 5_000, 90_000);
    assertThat(wal.checkPoint().nextFullXid()).isEqualTo(5_000);
    assertThat(wal.checkPoint().nextOid()).isEqualTo(20_000);
    checkpoint(RecordKind.XLOG_CHECKPOINT_ONLINE, 4_000, 90_000);
    assertThat(wal.checkPoint().nextFullXid()).isEqualTo(5_000);
    checkpoint(RecordKind.XLOG_CHECKPOINT_SHUTDOWN, 4_500, 90_000);
    assertThat(wal.checkPoint().nextFullXid()).isEqualTo(4_500);
    assertThat(wal.checkPoint().nextOid()).isEqualTo(90_000);
    wal.record(
        ResourceManager.XLOG, RecordKind.XLOG_NEXTOID, 0, Records.bytes(4).putInt(98_192).array());
    assertThat(wal.checkPoint().nextOid()).isEqualTo(98_192);
  }

  private void checkpoint(int kind, long nextXid, int nextOid) throws StorageException {
    wal.record(
        ResourceManager.XLOG,
        kind,
        0,
        new CheckPoint()
            .setTimeline(1)
            .setNextFullXid(nextXid)
            .setNextOid(nextOid)
            .setNextMulti(1)
            .setOldestXid(3)
            .setOldestMulti(1)
            .toBytes(PostgresVersion.V15));
  }

  @Test
  void oldestRunningTransactionIsKept() throws Exception {
    wal.record(
        ResourceManager.STANDBY,
        RecordKind.STANDBY_RUNNING_XACTS,
        0,
        Records.bytes(24).putInt(0).putInt(0).putInt(0).putInt(1_010).putInt(1_003).array());
    assertThat(wal.checkPoint().oldestActiveXid()).isEqualTo(1_003);
  }

  @Test
  void originsAdvanceAndGo() throws Exception {
    Key key = TimelineKeys.replicationOrigin(4);
    setOrigin(0x500, false);
    setOrigin(0x300, false);
    assertThat(LittleEndian.i64(wal.timeline.getLatest(key).orElseThrow(), 0)).isEqualTo(0x500);
    setOrigin(0x300, true);
    assertThat(LittleEndian.i64(wal.timeline.getLatest(key).orElseThrow(), 0)).isEqualTo(0x300);
    wal.record(
        ResourceManager.REPLORIGIN,
        RecordKind.REPLORIGIN_DROP,
        0,
        Records.bytes(2).putShort((short) 4).array());
    assertThat(wal.timeline.getLatest(key)).isEmpty();
  }

  private void setOrigin(long remoteLsn, boolean force) throws StorageException {
    wal.record(
        ResourceManager.REPLORIGIN,
        RecordKind.REPLORIGIN_SET,
        0,
        Records.bytes(16)
            .putLong(remoteLsn)
            .putShort((short) 4)
            .put((byte) (force ? 1 : 0))
            .array());
  }
}
