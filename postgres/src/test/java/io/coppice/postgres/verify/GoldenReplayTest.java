package io.coppice.postgres.verify;

import static org.assertj.core.api.Assertions.assertThat;

import io.coppice.postgres.record.RecordKind;
import io.coppice.postgres.record.ResourceManager;
import io.coppice.postgres.version.PostgresVersion;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Redo of WAL kept from a real Postgres; {@code oracle/make-golden.sh} made it. */
final class GoldenReplayTest {
  private static GoldenCorpus corpus;
  private static Replay replay;

  @BeforeAll
  static void replayTheCorpus() throws Exception {
    corpus = GoldenCorpus.read(PostgresVersion.V15);
    replay = Replay.of(corpus.serverWal(), corpus.basePages());
  }

  @Test
  void everyPageIsAsPostgresHadIt() {
    assertThat(replay.mismatches).as(replay::table).isEmpty();
    assertThat(replay.verifier.total().unsupported()).isZero();
    assertThat(replay.verifier.total().imagesCompared()).isGreaterThan(20_000);
  }

  /** Little WAL each, of the records that majors lay out in their own ways. */
  @ParameterizedTest
  @EnumSource(PostgresVersion.class)
  void everyPageOfEveryMajorIsAsPostgresHadIt(PostgresVersion version) throws Exception {
    GoldenCorpus small = GoldenCorpus.read(version);
    Replay ofMajor = Replay.of(small.serverWal(), small.basePages());
    assertThat(ofMajor.mismatches).as(ofMajor::table).isEmpty();
    assertThat(ofMajor.verifier.total().unsupported()).isZero();
    assertThat(ofMajor.verifier.total().imagesCompared()).isGreaterThan(1_000);
    assertThat(ofMajor.verifier.byType().keySet().stream().map(RecordType::toString))
        .contains(
            version.major() < 17
                ? new String[] {"Heap2/PRUNE", "Heap2/VACUUM", "Heap2/FREEZE_PAGE"}
                : new String[] {
                  "Heap2/PRUNE_ON_ACCESS", "Heap2/PRUNE_VACUUM_SCAN", "Heap2/PRUNE_VACUUM_CLEANUP"
                });
  }

  /** Kinds that change a page, so that an image of each must have been compared. */
  @Test
  void everyKindOfRecordThatChangesAPageOccurs() {
    Set<String> missing = new TreeSet<>();
    for (int kind = 0; kind <= 0xE0; kind += 0x10) {
      requireCompared(missing, ResourceManager.BTREE, kind, kind != RecordKind.BTREE_REUSE_PAGE);
    }
    for (int kind = 0; kind <= 0x70; kind += 0x10) {
      requireCompared(missing, ResourceManager.HEAP, kind, kind != RecordKind.HEAP_TRUNCATE);
      requireCompared(
          missing,
          ResourceManager.HEAP2,
          kind,
          kind != RecordKind.HEAP2_REWRITE && kind != RecordKind.HEAP2_NEW_CID);
    }
    int init = RecordKind.HEAP_INIT_PAGE;
    requireCompared(missing, ResourceManager.HEAP, RecordKind.HEAP_INSERT | init, true);
    requireCompared(missing, ResourceManager.HEAP, RecordKind.HEAP_UPDATE | init, true);
    requireCompared(missing, ResourceManager.HEAP2, RecordKind.HEAP2_MULTI_INSERT | init, true);
    requireCompared(missing, ResourceManager.SEQ, RecordKind.SEQ_LOG, true);
    requireCompared(missing, ResourceManager.GENERIC, 0, true);
    assertThat(missing).isEmpty();
    assertThat(replay.counts(ResourceManager.XLOG, RecordKind.XLOG_FPI).records()).isPositive();
    assertThat(replay.counts(ResourceManager.XLOG, RecordKind.XLOG_FPI_FOR_HINT).records())
        .isPositive();
  }

  private static void requireCompared(
      Set<String> missing, int resourceManager, int kind, boolean changesPages) {
    if (changesPages && replay.counts(resourceManager, kind).imagesCompared() == 0) {
      missing.add(new RecordType(PostgresVersion.V15, resourceManager, kind).toString());
    }
  }

  /**
   * Kinds without a page are there too, but one: {@code Heap2/REWRITE} is written when a catalog is
   * rewritten while a logical replication slot exists, and names a file, no page. A hot update
   * never begins a page, as the old row is on it: {@code Heap/HOT_UPDATE+INIT} cannot occur.
   */
  @Test
  void kindsThatChangeNoPageAreReplayedAsNothing() {
    assertThat(replay.counts(ResourceManager.HEAP, RecordKind.HEAP_TRUNCATE).records())
        .isPositive();
    assertThat(replay.counts(ResourceManager.HEAP2, RecordKind.HEAP2_NEW_CID).records())
        .isPositive();
    assertThat(replay.counts(ResourceManager.BTREE, RecordKind.BTREE_REUSE_PAGE).records())
        .isPositive();
    assertThat(
            replay
                .counts(
                    ResourceManager.HEAP, RecordKind.HEAP_HOT_UPDATE | RecordKind.HEAP_INIT_PAGE)
                .records())
        .isZero();
  }

  @Test
  void aRecordLeftOutIsNoticed() throws Exception {
    int[] seen = new int[1];
    Replay withHoles =
        Replay.of(
            corpus.serverWal(),
            corpus.basePages(),
            record ->
                record.resourceManager() != ResourceManager.HEAP
                    || record.kind() != RecordKind.HEAP_HOT_UPDATE
                    || ++seen[0] % 300 != 0);
    assertThat(withHoles.mismatches).isNotEmpty();
  }
}
