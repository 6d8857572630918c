package io.coppice.postgres.wal;

import static org.assertj.core.api.Assertions.assertThat;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.postgres.control.CheckPoint;
import io.coppice.postgres.control.ClusterState;
import io.coppice.postgres.control.ControlFile;
import io.coppice.postgres.version.PostgresVersion;
import io.coppice.testsupport.Seeded;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A stock Postgres starts at a position of our choice, writes, stops and starts again. */
class ShutdownCheckpointTest {
  private static final PostgresVersion V15 = PostgresVersion.V15;
  private static final int SEGMENT = 16 << 20;

  /** The record is 24 + 2 + 88 bytes, and 120 with its padding. */
  private static final int RECORD_BYTES = 120;

  @TempDir static Path home = Path.of("");

  private static CheckPoint template() {
    return new CheckPoint()
        .setTimeline(1)
        .setPreviousTimeline(1)
        .setNextFullXid(4711)
        .setNextOid(24576)
        .setNextMulti(1)
        .setOldestXid(717)
        .setOldestXidDb(1)
        .setOldestMulti(1)
        .setOldestMultiDb(1);
  }

  private static ShutdownCheckpoint at(Lsn lsn) {
    return ShutdownCheckpoint.at(V15, SEGMENT, 77, lsn, new Lsn(lsn.value() - 100), template());
  }

  @Seeded(tries = 80)
  void canBeReadBackFromItsFiles(long seed) throws StorageException {
    Random random = new Random(seed);
    Lsn lsn = new Lsn(interestingPosition(random, SEGMENT * 5L));
    ShutdownCheckpoint made = at(lsn);
    assertThat(made.start().isAtOrAfter(lsn)).isTrue();
    assertThat(made.checkPoint().redo()).isEqualTo(made.start());

    byte[] bytes = new byte[made.files().size() * SEGMENT];
    for (int i = 0; i < made.files().size(); i++) {
      assertThat(made.files().get(i).bytes()).hasSize(SEGMENT);
      System.arraycopy(made.files().get(i).bytes(), 0, bytes, i * SEGMENT, SEGMENT);
    }
    Lsn fileStart = made.files().getFirst().segment().start(SEGMENT);
    Lsn page = new Lsn(lsn.alignedUp().value() & -8192L);
    WalDecoder decoder = WalDecoder.ofFilesFromPage(V15, SEGMENT, page);
    int offset = (int) page.minus(fileStart);
    decoder.feed(bytes, offset, bytes.length - offset);
    WalRecord record = new WalRecord();
    assertThat(decoder.next(record)).as("a record at %s", lsn).isTrue();
    assertThat(record.start()).isEqualTo(made.start());
    assertThat(record.end()).isEqualTo(made.end());
    assertThat(
            Arrays.copyOfRange(
                record.bytes(),
                record.mainDataOffset(),
                record.mainDataOffset() + record.mainDataLength()))
        .isEqualTo(made.checkPoint().toBytes(V15));
    assertThat(decoder.next(record)).isFalse();
    boolean endsWithTheFiles = made.end().equals(fileStart.plus(bytes.length));
    assertThat(decoder.atEndOfWal()).isEqualTo(!endsWithTheFiles);
  }

  /** Page and segment borders, and places from which the record crosses them. */
  private static long interestingPosition(Random random, long segmentStart) {
    long page = segmentStart + 8192L * random.nextInt(SEGMENT / 8192);
    return switch (random.nextInt(6)) {
      case 0 -> page;
      case 1 -> segmentStart;
      case 2 -> page + 8192 - 8L * (1 + random.nextInt(RECORD_BYTES / 8));
      case 3 -> segmentStart + SEGMENT - 8L * (1 + random.nextInt(RECORD_BYTES / 8));
      case 4 -> page + 40 + random.nextInt(8000);
      default -> segmentStart + 40 + 8L * random.nextInt(1000);
    };
  }

  @Test
  void movesBehindAPageHeader() {
    assertThat(at(Lsn.parse("1/3000000")).start()).isEqualTo(Lsn.parse("1/3000028"));
    assertThat(at(Lsn.parse("1/3002000")).start()).isEqualTo(Lsn.parse("1/3002018"));
    assertThat(at(Lsn.parse("1/3002001")).start()).isEqualTo(Lsn.parse("1/3002018"));
    assertThat(at(Lsn.parse("1/3000020")).start()).isEqualTo(Lsn.parse("1/3000028"));
    assertThat(at(Lsn.parse("1/3002019")).start()).isEqualTo(Lsn.parse("1/3002020"));
    assertThat(at(Lsn.parse("1/3001FFF")).start()).isEqualTo(Lsn.parse("1/3002018"));
  }

  private static RealPostgres postgres() throws IOException, InterruptedException {
    Assumptions.assumeTrue(RealPostgres.isThere(), "no Postgres 15 in /usr/lib/postgresql/15/bin");
    return new RealPostgres(home);
  }

  @BeforeAll
  static void makeCluster() throws IOException, InterruptedException {
    if (RealPostgres.isThere()) {
      new RealPostgres(home).initdb();
    }
  }

  @AfterAll
  static void removeCluster() throws IOException {
    if (Files.exists(home.resolve("template"))) {
      RealPostgres.deleteTree(home.resolve("template"));
    }
  }

  /** In the fourth segment from the start of the cluster's own log, as offset in it. */
  @ParameterizedTest
  @ValueSource(ints = {0, 8192, 3 * 8192 - 24, 5 * 8192 + 1000, SEGMENT - 64, SEGMENT - 120})
  void startsARealServer(int offset) throws Exception {
    startAt(postgres(), 4L * SEGMENT + offset);
  }

  /** More positions: {@code -Dtries=N}. */
  @Seeded(tries = 1)
  void startsARealServerAnywhere(long seed) throws Exception {
    startAt(postgres(), interestingPosition(new Random(seed), 6L * SEGMENT));
  }

  private static void startAt(RealPostgres postgres, long position) throws Exception {
    Path data = home.resolve("data");
    RealPostgres.copyTree(home.resolve("template"), data);
    try {
      ShutdownCheckpoint made = replaceLog(data, new Lsn(position));
      postgres.own(home);
      assertThat(postgres.run("pg_controldata", data))
          .containsPattern("Database cluster state: +shut down")
          .containsPattern("Latest checkpoint location: +" + made.start());
      assertThat(
              postgres.run(
                  "pg_waldump", "-n", "1", "-p", data.resolve("pg_wal"), "-s", made.start()))
          .contains("CHECKPOINT_SHUTDOWN redo " + made.start());
      postgres.start(data);
      try {
        postgres.sql("create table t as select generate_series(1, 1000) i");
        assertThat(Lsn.parse(postgres.sql("select redo_lsn from pg_control_checkpoint()")))
            .isGreaterThanOrEqualTo(made.start());
      } finally {
        postgres.stop(data, "fast");
      }
      assertFollows(data, made);
      postgres.start(data);
      try {
        assertThat(postgres.sql("select count(*) from t")).isEqualTo("1000");
      } finally {
        postgres.stop(data, "immediate");
      }
    } finally {
      RealPostgres.deleteTree(data);
    }
  }

  /** Puts our log and pg_control in the place of the server's. */
  private static ShutdownCheckpoint replaceLog(Path data, Lsn lsn) throws Exception {
    Path controlPath = data.resolve(ControlFile.PATH);
    ControlFile control = ControlFile.read(Files.readAllBytes(controlPath));
    assertThat(control.state()).isEqualTo(ClusterState.SHUT_DOWN);
    ShutdownCheckpoint made =
        ShutdownCheckpoint.at(
            control.version(),
            control.walSegmentSizeBytes(),
            control.systemId(),
            lsn,
            control.checkPointLsn(),
            control.checkPoint());
    control.setCheckPoint(made.start(), made.checkPoint());
    Files.write(controlPath, control.toBytes());
    Path wal = data.resolve(WalSegmentName.DIRECTORY);
    try (Stream<Path> files = Files.list(wal)) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        Files.delete(file);
      }
    }
    for (ShutdownCheckpoint.WalFile file : made.files()) {
      Files.write(wal.resolve(file.fileName()), file.bytes());
    }
    return made;
  }

  /** What the server wrote goes on right behind our record, down to its own shutdown. */
  private static void assertFollows(Path data, ShutdownCheckpoint made) throws Exception {
    ControlFile control = ControlFile.read(Files.readAllBytes(data.resolve(ControlFile.PATH)));
    WalDecoder decoder = WalDecoder.ofFiles(V15, SEGMENT, made.start());
    decoder.expectSystemId(control.systemId());
    WalSegmentName segment = WalSegmentName.of(1, made.start(), SEGMENT);
    Path wal = data.resolve(WalSegmentName.DIRECTORY);
    int offset = (int) made.start().minus(segment.start(SEGMENT));
    WalRecord record = new WalRecord();
    Lsn expected = made.start();
    while (Files.exists(wal.resolve(segment.fileName(SEGMENT)))) {
      byte[] bytes = Files.readAllBytes(wal.resolve(segment.fileName(SEGMENT)));
      decoder.feed(bytes, offset, bytes.length - offset);
      offset = 0;
      while (decoder.next(record)) {
        assertThat(record.start()).isEqualTo(WalLayout.recordStart(expected, SEGMENT));
        expected = record.end();
      }
      segment = segment.next();
    }
    assertThat(decoder.previousRecordStart()).isEqualTo(control.checkPointLsn());
    assertThat(control.state()).isEqualTo(ClusterState.SHUT_DOWN);
  }
}
