package io.coppice.postgres.datadir;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Fork;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.RelationTag;
import io.coppice.postgres.control.ControlFile;
import io.coppice.postgres.golden.Golden;
import io.coppice.postgres.version.PostgresVersion;
import io.coppice.postgres.wal.WalSegmentName;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class DataDirectoryLayoutTest {
  private static final PostgresVersion V15 = PostgresVersion.V15;
  private static final DataDirectoryLayout LAYOUT =
      new DataDirectoryLayout(V15, 202209061, 16 << 20);

  @Test
  void knowsEveryFileOfARealDirectory() throws StorageException {
    DataDirectoryLayout layout =
        DataDirectoryLayout.of(ControlFile.read(Golden.read("pg_control.gz")));
    List<String> paths = Golden.text("files.txt").lines().toList();
    Set<String> directories = new TreeSet<>();
    for (String path : paths) {
      for (int slash = path.indexOf('/'); slash >= 0; slash = path.indexOf('/', slash + 1)) {
        directories.add(path.substring(0, slash));
      }
    }
    directories.addAll(DataDirectoryLayout.directories(V15));
    int files = 0;
    for (String path : paths) {
      if (!path.equals(".") && !directories.contains(path)) {
        DataFile file = layout.classify(path);
        assertThat(file).as(path).isNotInstanceOf(DataFile.Unknown.class);
        assertThat(pathOf(layout, file, path)).isEqualTo(path);
        files++;
      }
    }
    assertThat(files).isGreaterThan(900);
  }

  /** Back from what the file is to its path. */
  private static String pathOf(DataDirectoryLayout layout, DataFile file, String path) {
    return switch (file) {
      case DataFile.RelationSegment(RelationTag relation, int segment) ->
          layout.relationPath(relation, segment);
      case DataFile.SlruSegment(SlruKind kind, int segment) -> kind.path(segment);
      case DataFile.RelationMapFile(int tablespace, int database) ->
          layout.relationMapPath(tablespace, database);
      case DataFile.Control _ -> ControlFile.PATH;
      case DataFile.TwoPhaseState(long xid) -> layout.twoPhasePath(xid);
      case DataFile.VersionFile(int tablespace, int database) ->
          tablespace == 0
              ? "PG_VERSION"
              : layout.databaseDirectory(tablespace, database) + "/PG_VERSION";
      case DataFile.Wal(WalSegmentName segment) -> layout.walPath(segment);
      case DataFile.Configuration(String name) -> name;
      case DataFile.ReplicationState _,
          DataFile.Statistics _,
          DataFile.Disposable _,
          DataFile.Unknown _ ->
          path;
    };
  }

  @Test
  void listsTheDirectoriesThatInitdbMakes() {
    Set<String> found =
        Golden.text("files.txt")
            .lines()
            .filter(path -> DataDirectoryLayout.directories(V15).contains(path))
            .collect(Collectors.toSet());
    assertThat(found).containsExactlyInAnyOrderElementsOf(DataDirectoryLayout.directories(V15));
  }

  @Test
  void readsNamesOfRelationsInEveryPlace() {
    assertThat(LAYOUT.classify("global/1262_fsm"))
        .isEqualTo(new DataFile.RelationSegment(tag(1664, 0, 1262, Fork.FSM), 0));
    assertThat(LAYOUT.classify("base/5/16384_init"))
        .isEqualTo(new DataFile.RelationSegment(tag(1663, 5, 16384, Fork.INIT), 0));
    assertThat(LAYOUT.classify("base/4294967295/4294967295_vm.32767"))
        .isEqualTo(new DataFile.RelationSegment(tag(1663, -1, -1, Fork.VM), 32767));
    String inTablespace = "pg_tblspc/16999/PG_15_202209061/5/16400.2";
    DataFile file = new DataFile.RelationSegment(tag(16999, 5, 16400, Fork.MAIN), 2);
    assertThat(LAYOUT.classify(inTablespace)).isEqualTo(file);
    assertThat(pathOf(LAYOUT, file, "")).isEqualTo(inTablespace);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "base/5/t3_16384",
        "base/5/t3_16384_fsm.1",
        "base/pgsql_tmp/pgsql_tmp123.0",
        "base/5/pg_internal.init",
        "global/pg_internal.init.77",
        "pg_subtrans/0000",
        "pg_notify/0000",
        "pg_stat_tmp/global.stat",
        "pg_wal/archive_status/000000010000000000000001.done",
        "pg_wal/000000010000000000000001.partial",
        "postmaster.pid"
      })
  void setsAsideWhatAStartThrowsAway(String path) {
    assertThat(LAYOUT.classify(path)).isEqualTo(new DataFile.Disposable(path));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "..",
        "base/5/../16384",
        "base/5/16384_xyz",
        "base/5/16384.",
        "base/5/016384",
        "base/5/99999999999",
        "base/4294967296/1259",
        "base/5/16384/1",
        "base/x/1259",
        "global/sub/1262",
        "pg_xact/00g0",
        "pg_xact/000",
        "pg_xact/00001",
        "pg_multixact/0000",
        "pg_twophase/123",
        "pg_tblspc/16999/PG_14_202107181/5/16400",
        "pg_wal/nothing",
        "what"
      })
  void saysWhatItDoesNotKnow(String path) {
    assertThat(LAYOUT.classify(path)).isEqualTo(new DataFile.Unknown(path));
  }

  @Test
  void namesSegmentsOfTheLog() {
    Lsn lsn = Lsn.parse("12/3456789A");
    WalSegmentName name = WalSegmentName.of(1, lsn, 16 << 20);
    assertThat(name.fileName(16 << 20)).isEqualTo("000000010000001200000034");
    assertThat(name.start(16 << 20)).isEqualTo(Lsn.parse("12/34000000"));
    assertThat(WalSegmentName.parse("000000010000001200000034", 16 << 20)).contains(name);
    assertThat(WalSegmentName.parse("000000010000001200000100", 16 << 20)).isEmpty();
    assertThat(WalSegmentName.parse("00000001000000120000003g", 16 << 20)).isEmpty();
    assertThat(WalSegmentName.of(7, lsn, 1 << 30).fileName(1 << 30))
        .isEqualTo("000000070000001200000000");
    assertThat(new WalSegmentName(1, 0x12FF).next().fileName(16 << 20))
        .isEqualTo("000000010000001300000000");
  }

  @ParameterizedTest
  @EnumSource(PostgresVersion.class)
  void readsTheMapOfMappedCatalogs(PostgresVersion version) throws StorageException {
    byte[] file = Golden.read(version, "pg_filenode.map");
    RelationMap map = RelationMap.read(version, file);
    assertThat(file).hasSize(RelationMap.fileBytes(version));
    if (version != V15) {
      // That of the shared catalogs: pg_database.
      assertThat(map.fileNumber(1262)).hasValue(1262);
      return;
    }
    // pg_proc, pg_attribute and pg_type keep the number of their OID until they are rewritten.
    for (int catalog : List.of(1255, 1249, 1247)) {
      assertThat(map.fileNumber(catalog)).hasValue(catalog);
    }
    assertThat(map.fileNumber(16384)).isEmpty();
    file[9] ^= 1;
    assertThatThrownBy(() -> RelationMap.read(version, file))
        .isInstanceOf(StorageException.Corrupt.class)
        .hasMessageContaining("CRC: expected");
  }

  @ParameterizedTest
  @EnumSource(PostgresVersion.class)
  void namesTheFilesOfPreparedTransactions(PostgresVersion version) {
    DataDirectoryLayout layout = new DataDirectoryLayout(version, 1, 16 << 20);
    long fullXid = 0x3_0000_4711L;
    boolean hasEpoch = version.major() >= 17;
    assertThat(layout.twoPhasePath(fullXid))
        .isEqualTo(hasEpoch ? "pg_twophase/0000000300004711" : "pg_twophase/00004711");
    assertThat(layout.classify(layout.twoPhasePath(fullXid)))
        .isEqualTo(new DataFile.TwoPhaseState(hasEpoch ? fullXid : 0x4711));
    assertThat(layout.classify(hasEpoch ? "pg_twophase/00004711" : "pg_twophase/0000000300004711"))
        .isInstanceOf(DataFile.Unknown.class);
  }

  @Test
  void readsAndWritesTheFileOfAPreparedTransaction() throws StorageException {
    String name =
        Golden.text("files.txt")
            .lines()
            .filter(path -> path.startsWith("pg_twophase/"))
            .findFirst()
            .orElseThrow()
            .substring("pg_twophase/".length());
    byte[] file = Golden.read("twophase_" + name);
    byte[] state = TwoPhaseFile.decode(file);
    assertThat(TwoPhaseFile.encode(state)).isEqualTo(file);
    file[20] ^= 1;
    assertThatThrownBy(() -> TwoPhaseFile.decode(file))
        .isInstanceOf(StorageException.Corrupt.class)
        .hasMessageContaining("CRC: expected");
  }

  private static RelationTag tag(int spc, int db, int rel, Fork fork) {
    return new RelationTag(spc, db, rel, fork.number());
  }
}
