package io.coppice.postgres.record;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.postgres.version.PostgresVersion;
import io.coppice.postgres.wal.WalDecoder;
import io.coppice.postgres.wal.WalRecord;
import io.coppice.postgres.wal.WalStreamWriter;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Records that a server writes too rarely to wait for, as each major lays them out. */
final class RecordFormatTest {
  private static final int SEGMENT = 16 << 20;
  private static final int ID_DATA_SHORT = 255;
  private static final int HAS_DROPPED_STATISTICS = 1 << 8;
  private static final int HAS_PREPARED_XID = 1 << 4;

  private static ByteBuffer bytes(int size) {
    return ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
  }

  private static WalRecord record(
      PostgresVersion version, int resourceManager, int info, ByteBuffer main)
      throws StorageException {
    Lsn start = new Lsn(SEGMENT);
    WalStreamWriter writer =
        new WalStreamWriter(version, SEGMENT, 1, 1, start, new Lsn(SEGMENT - 100));
    byte[] body = new byte[2 + main.position()];
    body[0] = (byte) ID_DATA_SHORT;
    body[1] = (byte) main.position();
    main.flip().get(body, 2, body.length - 2);
    writer.append(resourceManager, info, 700, body);
    byte[] stream = writer.takeBytes();
    WalDecoder decoder = new WalDecoder(version, SEGMENT, start);
    decoder.feed(stream, 0, stream.length);
    WalRecord record = new WalRecord();
    assertThat(decoder.next(record)).isTrue();
    assertThat(record.version()).isEqualTo(version);
    return record;
  }

  /** From 17 on it has 64 bits. */
  private static ByteBuffer putPage(PostgresVersion version, ByteBuffer to, int page) {
    return version.major() >= 17 ? to.putLong(page) : to.putInt(page);
  }

  @ParameterizedTest
  @EnumSource(PostgresVersion.class)
  void readsPagesOfTransactionState(PostgresVersion version) throws StorageException {
    assertThat(
            ClogRecord.parse(
                record(
                    version,
                    ResourceManager.CLOG,
                    RecordKind.CLOG_TRUNCATE,
                    putPage(version, bytes(16), 70_000).putInt(800).putInt(5))))
        .isEqualTo(new ClogRecord.Truncate(70_000, 800, 5));
    assertThat(
            CommitTsRecord.parse(
                record(
                    version,
                    ResourceManager.COMMIT_TS,
                    RecordKind.COMMIT_TS_TRUNCATE,
                    putPage(version, bytes(12), 9).putInt(800))))
        .isEqualTo(new CommitTsRecord.Truncate(9, 800));
    assertThat(
            MultixactRecord.parse(
                record(
                    version,
                    ResourceManager.MULTIXACT,
                    RecordKind.MULTIXACT_ZERO_MEM_PAGE,
                    putPage(version, bytes(8), 12))))
        .isEqualTo(new MultixactRecord.ZeroMembersPage(12));
    assertThat(
            MultixactRecord.parse(
                record(
                    version,
                    ResourceManager.MULTIXACT,
                    RecordKind.MULTIXACT_TRUNCATE_ID,
                    bytes(20).putInt(5).putInt(1).putInt(2).putInt(3).putInt(4))))
        .isEqualTo(new MultixactRecord.Truncate(5, 1, 2, 3, 4));
    WalRecord negative =
        record(
            version,
            ResourceManager.CLOG,
            RecordKind.CLOG_ZEROPAGE,
            putPage(version, bytes(8), -1));
    assertThatThrownBy(() -> ClogRecord.parse(negative))
        .isInstanceOf(StorageException.Corrupt.class)
        .hasMessageContaining("expected a page from 0 to");
  }

  @ParameterizedTest
  @EnumSource(PostgresVersion.class)
  void passesOverDroppedStatistics(PostgresVersion version) throws StorageException {
    int itemBytes = version == PostgresVersion.V18 ? 16 : 12;
    WalRecord record =
        record(
            version,
            ResourceManager.XACT,
            RecordKind.XACT_COMMIT_PREPARED | RecordKind.XACT_HAS_INFO,
            bytes(80)
                .putLong(42)
                .putInt(HAS_DROPPED_STATISTICS | HAS_PREPARED_XID)
                .putInt(2)
                .put(new byte[2 * itemBytes])
                .putInt(4711));
    assertThat(new TransactionEnd().parse(record).xid()).isEqualTo(4711);
  }

  @ParameterizedTest
  @EnumSource(PostgresVersion.class)
  void tellsKindsOfDatabaseRecords(PostgresVersion version) throws StorageException {
    boolean is14 = version == PostgresVersion.V14;
    WalRecord drop =
        record(
            version,
            ResourceManager.DBASE,
            is14 ? 0x10 : 0x20,
            bytes(12).putInt(16_384).putInt(1).putInt(1663));
    assertThat(DatabaseRecord.parse(drop)).isInstanceOf(DatabaseRecord.Drop.class);
    assertThat(RecordNames.of(drop)).isEqualTo("Database/DROP");
    WalRecord copy =
        record(
            version,
            ResourceManager.DBASE,
            0x00,
            bytes(16).putInt(16_385).putInt(1663).putInt(1).putInt(1663));
    assertThat(DatabaseRecord.parse(copy))
        .isEqualTo(new DatabaseRecord.CreateByCopy(16_385, 1663, 1, 1663));
    assertThat(RecordNames.of(copy))
        .isEqualTo(is14 ? "Database/CREATE" : "Database/CREATE_FILE_COPY");
    WalRecord unknown =
        record(version, ResourceManager.DBASE, is14 ? 0x20 : 0x30, bytes(4).putInt(1));
    assertThatThrownBy(() -> DatabaseRecord.parse(unknown))
        .isInstanceOf(StorageException.Unsupported.class);
  }
}
