package io.coppice.postgres.record;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.RelationTag;
import io.coppice.postgres.control.ControlFile;
import io.coppice.postgres.control.ServerParameters;
import io.coppice.postgres.datadir.TwoPhaseFile;
import io.coppice.postgres.golden.Golden;
import io.coppice.postgres.version.PostgresVersion;
import io.coppice.postgres.wal.WalRecord;
import io.coppice.testsupport.Seeded;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** The parsers of main data against a real server's records and what pg_waldump says of them. */
class GoldenRecordsTest {
  private static final PostgresVersion V15 = PostgresVersion.V15;

  private static Map<Lsn, Golden.Line> lines = new HashMap<>();
  private static List<WalRecord> records = List.of();

  @BeforeAll
  static void readGolden() {
    for (Golden.Line line : Golden.lines()) {
      lines.put(line.start(), line);
    }
    List<WalRecord> kept = new ArrayList<>();
    Golden.eachRecord(record -> kept.add(copy(record, 0, 0)));
    records = kept;
  }

  /** A view of its own bytes, with one bit flipped if asked for. */
  private static WalRecord copy(WalRecord record, int flipAt, int flip) {
    byte[] bytes =
        Arrays.copyOfRange(record.bytes(), record.offset(), record.offset() + record.length());
    bytes[flipAt] ^= (byte) flip;
    WalRecord copy = new WalRecord();
    try {
      copy.parse(V15, bytes, 0, bytes.length, record.start(), record.end());
    } catch (StorageException.Corrupt e) {
      throw new AssertionError(e);
    }
    return copy;
  }

  private static List<WalRecord> of(int resourceManager) {
    return of(record -> record.resourceManager() == resourceManager);
  }

  private static List<WalRecord> of(Predicate<WalRecord> which) {
    return records.stream().filter(which).toList();
  }

  private static WalRecord one(String name) {
    return records.stream()
        .filter(record -> RecordNames.of(record).equals(name))
        .findFirst()
        .orElseThrow();
  }

  private static String described(WalRecord record) {
    return Objects.requireNonNull(lines.get(record.start())).description();
  }

  @Test
  void readsEndsOfTransactions() throws StorageException {
    TransactionEnd end = new TransactionEnd();
    int withSubtransactions = 0;
    int withDrops = 0;
    int withOrigin = 0;
    for (WalRecord record : of(TransactionEnd::is)) {
      end.parse(record);
      String text = described(record);
      Instant time = PostgresTime.toInstant(end.timeMicros());
      String printed = time.toString().replace('T', ' ').replaceAll("0*Z$", "");
      assertThat(text).contains(printed).doesNotContain("0000-00");
      assertThat(PostgresTime.fromInstant(time)).isEqualTo(end.timeMicros());
      assertThat(end.committed()).isEqualTo(RecordNames.of(record).contains("/COMMIT"));
      assertThat(end.prepared()).isEqualTo(RecordNames.of(record).contains("PREPARED"));
      if (end.prepared()) {
        assertThat(text).startsWith(Integer.toUnsignedString(end.xid()) + ":");
        assertThat(end.preparedName()).isNotEmpty();
      } else {
        assertThat(end.xid()).isEqualTo(record.xid());
      }
      assertThat(subtransactions(end)).isEqualTo(numbers(text, "subxacts: ((?: ?\\d+)+)"));
      assertThat(drops(end)).isEqualTo(paths(text, "rels:((?: base/\\d+/\\d+)+)"));
      assertThat(end.hasOrigin()).isEqualTo(text.contains("origin:"));
      withSubtransactions += end.subtransactionCount() > 0 ? 1 : 0;
      withDrops += end.droppedRelationCount() > 0 ? 1 : 0;
      if (end.hasOrigin()) {
        assertThat(record.originId()).isNotEqualTo(WalRecord.NO_ORIGIN);
        assertThat(end.originLsn()).isEqualTo(Lsn.parse("7/77"));
        assertThat(PostgresTime.toInstant(end.originTimeMicros()))
            .isEqualTo(Instant.parse("2020-01-01T00:00:00Z"));
        withOrigin++;
      }
    }
    assertThat(withSubtransactions).isGreaterThan(1);
    assertThat(withDrops).isGreaterThan(2);
    assertThat(withOrigin).isPositive();
  }

  private static List<Integer> subtransactions(TransactionEnd end) {
    List<Integer> xids = new ArrayList<>();
    for (int i = 0; i < end.subtransactionCount(); i++) {
      xids.add(end.subtransaction(i));
    }
    return xids;
  }

  private static List<String> drops(TransactionEnd end) {
    List<String> paths = new ArrayList<>();
    for (int i = 0; i < end.droppedRelationCount(); i++) {
      RelationTag relation = end.droppedRelation(i);
      assertThat(relation.spcOid()).isEqualTo(RelationTag.DEFAULT_TABLESPACE_OID);
      paths.add("base/" + relation.dbOid() + "/" + relation.relNumber());
    }
    return paths;
  }

  private static List<Integer> numbers(String text, String pattern) {
    return paths(text, pattern).stream().map(Integer::valueOf).toList();
  }

  private static List<String> paths(String text, String pattern) {
    Matcher matcher = Pattern.compile(pattern).matcher(text);
    return matcher.find() ? List.of(matcher.group(1).strip().split(" ", -1)) : List.of();
  }

  @Test
  void readsPreparedTransactions() throws StorageException {
    List<PreparedTransaction> prepared = new ArrayList<>();
    for (WalRecord record : of(r -> RecordNames.of(r).equals("Transaction/PREPARE"))) {
      PreparedTransaction one = PreparedTransaction.parse(record);
      assertThat(described(record)).startsWith("gid " + one.name() + ":");
      assertThat(one.xid()).isEqualTo(record.xid());
      prepared.add(one);
    }
    PreparedTransaction drops =
        prepared.stream().filter(p -> p.name().equals("drops p")).findFirst().orElseThrow();
    assertThat(drops.subtransactions()).hasSize(2);
    assertThat(drops.droppedOnCommit()).hasSize(1);
    assertThat(drops.droppedOnAbort()).hasSize(1);
    assertThat(drops.droppedOnAbort()).doesNotContainAnyElementsOf(drops.droppedOnCommit());

    PreparedTransaction left = prepared.getLast();
    byte[] file = Golden.read("twophase_%08X".formatted(left.xid()));
    WalRecord record = of(r -> RecordNames.of(r).equals("Transaction/PREPARE")).getLast();
    assertThat(TwoPhaseFile.decode(file))
        .isEqualTo(
            Arrays.copyOfRange(
                record.bytes(),
                record.mainDataOffset(),
                record.mainDataOffset() + record.mainDataLength()));
  }

  @Test
  void readsTheStorageManagersRecords() throws StorageException {
    int truncates = 0;
    for (WalRecord record : of(ResourceManager.SMGR)) {
      switch (SmgrRecord.parse(record)) {
        case SmgrRecord.Create(RelationTag relation) ->
            assertThat(described(record))
                .contains(relation.dbOid() + "/" + relation.toString().split("/", -1)[2]);
        case SmgrRecord.Truncate truncate -> {
          assertThat(described(record))
              .contains("/" + truncate.relation().relNumber() + " to")
              .contains("to " + truncate.blockCount() + " blocks flags 7");
          assertThat(truncate.mainFork()).isTrue();
          assertThat(truncate.visibilityMap() && truncate.freeSpaceMap()).isTrue();
          truncates++;
        }
      }
    }
    assertThat(truncates).isPositive();
  }

  @Test
  void readsCheckpointsAndOtherRecordsOfTheLog() throws StorageException {
    WalRecord last = records.getLast();
    ControlFile control = ControlFile.read(Golden.read("pg_control.gz"));
    XlogRecord.CheckPointTaken taken = (XlogRecord.CheckPointTaken) XlogRecord.parse(V15, last);
    assertThat(taken.shutdown()).isTrue();
    assertThat(taken.checkPoint().toBytes(V15)).isEqualTo(control.checkPoint().toBytes(V15));
    assertThat(last.start()).isEqualTo(control.checkPointLsn());

    WalRecord online = one("XLOG/CHECKPOINT_ONLINE");
    XlogRecord.CheckPointTaken whileRunning =
        (XlogRecord.CheckPointTaken) XlogRecord.parse(V15, online);
    assertThat(whileRunning.shutdown()).isFalse();
    assertThat(described(online)).contains("redo " + whileRunning.checkPoint().redo() + ";");

    assertThat(described(one("XLOG/NEXTOID")))
        .isEqualTo("" + ((XlogRecord.NextOid) parse("XLOG/NEXTOID")).nextOid());
    assertThat(parse("XLOG/PARAMETER_CHANGE"))
        .isEqualTo(
            new XlogRecord.ParameterChange(
                new ServerParameters(100, 8, 10, 10, 64, 2, false, true)));
    assertThat(parse("XLOG/SWITCH")).isEqualTo(XlogRecord.NO_EFFECT);
    assertThat(parse("XLOG/FPI")).isEqualTo(XlogRecord.NO_EFFECT);
  }

  private static XlogRecord parse(String name) throws StorageException {
    return XlogRecord.parse(V15, one(name));
  }

  @Test
  void readsTransactionStateRecords() throws StorageException {
    assertThat(ClogRecord.parse(one("CLOG/ZEROPAGE"))).isEqualTo(new ClogRecord.ZeroPage(1));
    assertThat(CommitTsRecord.parse(one("CommitTs/ZEROPAGE")))
        .isInstanceOf(CommitTsRecord.ZeroPage.class);
    assertThat(MultixactRecord.parse(one("MultiXact/ZERO_OFF_PAGE")))
        .isEqualTo(new MultixactRecord.ZeroOffsetsPage(1));
    assertThat(MultixactRecord.parse(one("MultiXact/ZERO_MEM_PAGE")))
        .isEqualTo(new MultixactRecord.ZeroMembersPage(1));
    WalRecord record = one("MultiXact/CREATE_ID");
    MultixactRecord.Create create = (MultixactRecord.Create) MultixactRecord.parse(record);
    assertThat(create.multi()).isEqualTo(2046);
    assertThat(create.firstMember()).isEqualTo(1630);
    assertThat(create.members()).hasSize(2);
    for (MultixactRecord.Member member : create.members()) {
      assertThat(described(record)).contains(member.xid() + " (keysh)");
      assertThat(member.status()).isZero();
    }
    RunningTransactions running = RunningTransactions.parse(of(RunningTransactions::is).getFirst());
    assertThat(described(of(RunningTransactions::is).getFirst()))
        .contains("nextXid " + running.nextXid())
        .contains("oldestRunningXid " + running.oldestRunningXid())
        .contains("latestCompletedXid " + running.latestCompletedXid());
  }

  @Test
  void readsRecordsOfDatabasesTablespacesMapsAndOrigins() throws StorageException {
    DatabaseRecord.CreateByCopy copy =
        (DatabaseRecord.CreateByCopy) DatabaseRecord.parse(one("Database/CREATE_FILE_COPY"));
    assertThat(copy.sourceDatabaseOid()).isEqualTo(1);
    assertThat(copy.tablespaceOid()).isEqualTo(RelationTag.DEFAULT_TABLESPACE_OID);
    assertThat(DatabaseRecord.parse(one("Database/DROP")))
        .isEqualTo(new DatabaseRecord.Drop(copy.databaseOid(), List.of(1663)));

    TablespaceRecord.Create tablespace =
        (TablespaceRecord.Create) TablespaceRecord.parse(one("Tablespace/CREATE"));
    assertThat(described(one("Tablespace/CREATE")))
        .contains(tablespace.tablespaceOid() + " \"" + tablespace.path() + "\"");
    assertThat(TablespaceRecord.parse(one("Tablespace/DROP")))
        .isEqualTo(new TablespaceRecord.Drop(tablespace.tablespaceOid()));

    RelmapUpdate update = RelmapUpdate.parse(one("RelMap/UPDATE"));
    assertThat(described(one("RelMap/UPDATE")))
        .isEqualTo(
            "database %d tablespace %d size %d"
                .formatted(update.databaseOid(), update.tablespaceOid(), update.map().length));

    assertThat(ReplicationOriginRecord.parse(one("ReplicationOrigin/SET")))
        .isEqualTo(new ReplicationOriginRecord.Set(1, Lsn.parse("7/99"), true));
    assertThat(ReplicationOriginRecord.parse(one("ReplicationOrigin/DROP")))
        .isEqualTo(new ReplicationOriginRecord.Drop(1));
  }

  @Test
  void seesWhichVisibilityBitsAreCleared() throws StorageException {
    Map<String, Integer> clears = new HashMap<>();
    for (WalRecord record : records) {
      int cleared = VisibilityClears.of(record);
      assertThat(cleared).as("%s", described(record)).isEqualTo(printedClears(record));
      if (cleared != 0) {
        clears.merge(RecordNames.of(record) + " " + cleared, 1, Integer::sum);
        assertThat(record.hasBlock(VisibilityClears.oldPageBlock(record))).isTrue();
      }
    }
    assertThat(clears)
        .containsKeys("Heap/INSERT 1", "Heap/DELETE 1", "Heap/LOCK 5", "Heap2/MULTI_INSERT 1");
    assertThat(clears.keySet()).anyMatch(kind -> kind.startsWith("Heap/UPDATE"));
  }

  /** What the flags that pg_waldump prints say. */
  private static int printedClears(WalRecord record) {
    Matcher matcher = Pattern.compile("flags:? 0x([0-9A-F]{2})").matcher(described(record));
    if (!matcher.find()) {
      return 0;
    }
    int flags = Integer.parseInt(matcher.group(1), 16);
    return switch (RecordNames.of(record).replace("+INIT", "")) {
      case "Heap/INSERT", "Heap/DELETE", "Heap2/MULTI_INSERT" -> flags & 1;
      case "Heap/UPDATE", "Heap/HOT_UPDATE" -> ((flags & 1) << 1) | ((flags & 2) >> 1);
      case "Heap/LOCK", "Heap2/LOCK_UPDATED" -> (flags & 1) * 5;
      default -> 0;
    };
  }

  /** Main data that does not fit its kind is a typed error, never anything else. */
  @Seeded(tries = 10)
  void refusesDamagedMainData(long seed) {
    Random random = new Random(seed);
    int refused = 0;
    for (WalRecord record : records) {
      if (record.mainDataLength() == 0) {
        continue;
      }
      int at = record.mainDataOffset() - record.offset() + random.nextInt(record.mainDataLength());
      WalRecord damaged = copy(record, at, 1 << random.nextInt(8));
      try {
        parseAny(damaged);
      } catch (StorageException.Corrupt | StorageException.Unsupported e) {
        assertThat(e).hasMessageContaining(record.start().toString());
        refused++;
      } catch (StorageException e) {
        throw new AssertionError(e);
      }
    }
    assertThat(refused).isPositive();
  }

  private static void parseAny(WalRecord record) throws StorageException {
    VisibilityClears.of(record);
    switch (record.resourceManager()) {
      case ResourceManager.XLOG -> XlogRecord.parse(V15, record);
      case ResourceManager.XACT -> {
        if (TransactionEnd.is(record)) {
          new TransactionEnd().parse(record);
        } else if (record.kind() == RecordKind.XACT_PREPARE) {
          PreparedTransaction.parse(record);
        }
      }
      case ResourceManager.SMGR -> SmgrRecord.parse(record);
      case ResourceManager.CLOG -> ClogRecord.parse(record);
      case ResourceManager.DBASE -> DatabaseRecord.parse(record);
      case ResourceManager.TBLSPC -> TablespaceRecord.parse(record);
      case ResourceManager.MULTIXACT -> MultixactRecord.parse(record);
      case ResourceManager.RELMAP -> RelmapUpdate.parse(record);
      case ResourceManager.COMMIT_TS -> CommitTsRecord.parse(record);
      case ResourceManager.REPLORIGIN -> ReplicationOriginRecord.parse(record);
      default -> {
        if (RunningTransactions.is(record)) {
          RunningTransactions.parse(record);
        }
      }
    }
  }

  @Test
  void refusesAKindThatDoesNotExist() {
    WalRecord record = one("Storage/CREATE");
    WalRecord unknown = copy(record, 16, 0x50);
    assertThatThrownBy(() -> SmgrRecord.parse(unknown))
        .isInstanceOf(StorageException.Unsupported.class)
        .hasMessage("WAL record at %s: unknown kind Storage/0x40".formatted(record.start()));
  }
}
