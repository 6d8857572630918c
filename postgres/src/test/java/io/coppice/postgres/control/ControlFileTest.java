package io.coppice.postgres.control;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.postgres.golden.Golden;
import io.coppice.postgres.version.PostgresVersion;
import io.coppice.testsupport.Seeded;
import java.util.Map;
import java.util.Random;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class ControlFileTest {
  private static final PostgresVersion V15 = PostgresVersion.V15;

  private static ControlFile golden() throws StorageException {
    return ControlFile.read(Golden.read("pg_control.gz"));
  }

  /** What pg_controldata prints, by the label without its colon. */
  private static Map<String, String> printed() {
    return Golden.text("pg_controldata.txt")
        .lines()
        .map(line -> line.split(":\\s*", 2))
        .collect(Collectors.toMap(parts -> parts[0], parts -> parts[1]));
  }

  @Test
  void readsWhatControldataPrints() throws StorageException {
    ControlFile control = golden();
    Map<String, String> printed = printed();
    assertThat(control.version()).isEqualTo(V15);
    assertThat(printed)
        .containsEntry("pg_control version number", Integer.toString(V15.controlFileVersion()))
        .containsEntry("Catalog version number", Integer.toString(control.catalogVersion()))
        .containsEntry("Database system identifier", Long.toUnsignedString(control.systemId()))
        .containsEntry("Database cluster state", control.state().toString())
        .containsEntry("Latest checkpoint location", control.checkPointLsn().toString())
        .containsEntry("Bytes per WAL segment", Integer.toString(control.walSegmentSizeBytes()))
        .containsEntry("Data page checksum version", "" + control.dataChecksumVersion());
    ServerParameters parameters = control.parameters();
    assertThat(parameters.walLevel()).isEqualTo(2);
    assertThat(parameters.trackCommitTimestamp()).isTrue();
    assertThat(parameters.walLogHints()).isFalse();
    assertThat(printed)
        .containsEntry("max_connections setting", "" + parameters.maxConnections())
        .containsEntry("max_worker_processes setting", "" + parameters.maxWorkerProcesses())
        .containsEntry("max_wal_senders setting", "" + parameters.maxWalSenders())
        .containsEntry("max_prepared_xacts setting", "" + parameters.maxPreparedTransactions())
        .containsEntry("max_locks_per_xact setting", "" + parameters.maxLocksPerTransaction());
  }

  @Test
  void readsTheCheckpointThatControldataPrints() throws StorageException {
    CheckPoint checkPoint = golden().checkPoint();
    String latest = "Latest checkpoint's ";
    assertThat(printed())
        .containsEntry(latest + "REDO location", checkPoint.redo().toString())
        .containsEntry(latest + "TimeLineID", "" + checkPoint.timeline())
        .containsEntry(latest + "PrevTimeLineID", "" + checkPoint.previousTimeline())
        .containsEntry(latest + "full_page_writes", checkPoint.fullPageWrites() ? "on" : "off")
        .containsEntry(
            latest + "NextXID",
            (checkPoint.nextFullXid() >>> 32) + ":" + (int) checkPoint.nextFullXid())
        .containsEntry(latest + "NextOID", "" + checkPoint.nextOid())
        .containsEntry(latest + "NextMultiXactId", "" + checkPoint.nextMulti())
        .containsEntry(latest + "NextMultiOffset", "" + checkPoint.nextMultiOffset())
        .containsEntry(latest + "oldestXID", "" + checkPoint.oldestXid())
        .containsEntry(latest + "oldestXID's DB", "" + checkPoint.oldestXidDb())
        .containsEntry(latest + "oldestMultiXid", "" + checkPoint.oldestMulti())
        .containsEntry(latest + "oldestMulti's DB", "" + checkPoint.oldestMultiDb())
        .containsEntry(latest + "oldestActiveXID", "" + checkPoint.oldestActiveXid())
        .containsEntry(latest + "oldestCommitTsXid", "" + checkPoint.oldestCommitTsXid())
        .containsEntry(latest + "newestCommitTsXid", "" + checkPoint.newestCommitTsXid());
    assertThat(checkPoint.timeSeconds()).isGreaterThan(1_700_000_000);
  }

  @Test
  void writesWhatItReadByteForByte() throws StorageException {
    byte[] file = Golden.read("pg_control.gz");
    ControlFile control = ControlFile.read(file);
    assertThat(control.toBytes()).isEqualTo(file);
    control
        .setCheckPoint(control.checkPointLsn(), control.checkPoint())
        .setParameters(control.parameters())
        .setState(control.state())
        .setTimeSeconds(control.timeSeconds());
    assertThat(control.toBytes()).isEqualTo(file);
  }

  @Test
  void keepsWhatIsSetAndLeavesTheRest() throws StorageException {
    ControlFile control = golden();
    CheckPoint checkPoint = control.checkPoint().setRedo(new Lsn(0x7000_0028L)).setNextOid(-5);
    ControlFile changed =
        control
            .copy()
            .setState(ClusterState.IN_PRODUCTION)
            .setCheckPoint(checkPoint.redo(), checkPoint)
            .clearRecovery();
    ControlFile again = ControlFile.read(changed.toBytes());
    assertThat(again.state()).isEqualTo(ClusterState.IN_PRODUCTION);
    assertThat(again.checkPointLsn()).isEqualTo(checkPoint.redo());
    assertThat(again.checkPoint().toBytes(V15)).isEqualTo(checkPoint.toBytes(V15));
    assertThat(again.systemId()).isEqualTo(control.systemId());
    assertThat(again.parameters()).isEqualTo(control.parameters());
    assertThat(control.state()).isEqualTo(ClusterState.SHUT_DOWN);
  }

  @ParameterizedTest
  @EnumSource(PostgresVersion.class)
  void readsTheFileOfEveryMajor(PostgresVersion version) throws StorageException {
    byte[] file = Golden.read(version, "pg_control.gz");
    ControlFile control = ControlFile.read(file);
    assertThat(control.toBytes()).isEqualTo(file);
    assertThat(control.version()).isEqualTo(version);
    assertThat(control.state()).isEqualTo(ClusterState.SHUT_DOWN);
    assertThat(control.parameters().maxConnections()).isPositive();
    assertThat(control.parameters().maxLocksPerTransaction()).isEqualTo(64);
    CheckPoint checkPoint = control.checkPoint();
    assertThat(checkPoint.redo()).isEqualTo(control.checkPointLsn());
    assertThat(checkPoint.timeline()).isEqualTo(1);
    assertThat(checkPoint.oldestXidDb()).isEqualTo(1);
    assertThat(checkPoint.fullPageWrites()).isTrue();
    assertThat(checkPoint.walLevel()).isEqualTo(version.major() >= 17 ? 1 : 0);
    assertThat(control.setCheckPoint(control.checkPointLsn(), checkPoint).toBytes())
        .isEqualTo(file);
  }

  @Seeded(tries = 30)
  void refusesADamagedFile(long seed) {
    Random random = new Random(seed);
    byte[] file = Golden.read("pg_control.gz");
    file[random.nextInt(292)] ^= (byte) (1 << random.nextInt(8));
    assertThatThrownBy(() -> ControlFile.read(file))
        .isInstanceOfAny(StorageException.Corrupt.class, StorageException.Unsupported.class)
        .hasMessageContaining("pg_control");
  }

  @Test
  void saysWhatWasExpectedAndFound() {
    byte[] file = Golden.read("pg_control.gz");
    file[100] ^= 1;
    assertThatThrownBy(() -> ControlFile.read(file))
        .isInstanceOf(StorageException.Corrupt.class)
        .hasMessageMatching("pg_control: CRC: expected [0-9a-f]{8}, got [0-9a-f]{8}");
    assertThatThrownBy(() -> ControlFile.read(new byte[300]))
        .isInstanceOf(StorageException.Corrupt.class)
        .hasMessage("pg_control: length: expected 8192, got 300");
    byte[] other = Golden.read("pg_control.gz");
    other[8] ^= 1;
    assertThatThrownBy(() -> ControlFile.read(other))
        .isInstanceOf(StorageException.Unsupported.class)
        .hasMessage(
            "pg_control of format 1301 with catalogs of version 202209061 is not supported"
                + " (supported majors: 14, 15, 16, 17, 18)");
  }
}
