package io.coppice.it.corpus;

import static org.assertj.core.api.Assertions.assertThat;

import io.coppice.common.id.Lsn;
import io.coppice.compute.postgres.PostgresInstallation;
import io.coppice.fuzz.HostileRecords;
import io.coppice.it.mutation.MutationReport;
import io.coppice.it.mutation.RedoMutants;
import io.coppice.postgres.files.ClusterFiles;
import io.coppice.postgres.files.WalFileReader;
import io.coppice.postgres.files.WalFiles;
import io.coppice.postgres.verify.Mismatch;
import io.coppice.postgres.verify.RedoObserver;
import io.coppice.postgres.verify.WalVerifier;
import io.coppice.postgres.wal.WalRecord;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Every page that redo makes of a server's WAL is the one that the server made, after Postgres's
 * own masks; for every major, and every kind of record that a server can be made to write. Redo of
 * damaged copies of these records is refused or bounded. With defects planted in redo, pages come
 * out other than the server made them. {@code -Dcorpus.rounds=10} makes more WAL, {@code
 * -Dcorpus.scripts=hash} takes only the scripts with that in their names, {@code
 * -Dcorpus.majors=16,17} only those majors, {@code -Dcorpus.attacks=5000} damages more copies,
 * {@code -Dseed=7} in other ways, {@code -Dcorpus.mutants=20} plants more defects in each class,
 * {@code -Dcorpus.nightly=true} has more settings.
 */
@Tag("process")
@Timeout(1_200)
final class CorpusTest {
  private static final List<String> MAJORS =
      List.of(System.getProperty("corpus.majors", "14,15,16,17,18").split(",", -1));
  private static final int ROUNDS = Integer.getInteger("corpus.rounds", 1);
  private static final String SCRIPTS = System.getProperty("corpus.scripts", "");
  private static final long IMAGES_MIN = SCRIPTS.isEmpty() ? 50_000 : 1;
  private static final long SEED = Long.getLong("seed", 1);
  private static final int ATTACKS = Integer.getInteger("corpus.attacks", 50);
  private static final int MUTANTS_FEW = 3;
  private static final int MUTANTS = Integer.getInteger("corpus.mutants", MUTANTS_FEW);

  /** Each class of redo is of one of these; without full-page writes, they reach most of it. */
  private static final List<Integer> MUTATED_MAJORS = List.of(16, 18);

  private static final @Nullable String SEEDS = System.getProperty("corpus.seeds");
  private static final int MISMATCHES_SHOWN_MAX = 20;

  @TempDir Path directory;

  /**
   * A server to make WAL with.
   *
   * @param documented whether {@code docs/wal-records.md} tells which kinds of records it writes
   */
  record Configuration(int major, boolean checksums, String settings, boolean documented) {}

  /** One with compression is enough: pglz, the only kind of embedded servers, takes its time. */
  private static final List<Configuration> USUAL =
      List.of(
          new Configuration(14, false, "wal_compression=on wal_log_hints=on", true),
          new Configuration(15, true, "wal_compression=off", true),
          new Configuration(16, false, "full_page_writes=off wal_log_hints=on", true),
          new Configuration(17, true, "wal_compression=off", true),
          new Configuration(18, true, "full_page_writes=off", true));

  private static final List<Configuration> NIGHTLY =
      List.of(
          new Configuration(14, true, "full_page_writes=off wal_level=replica", false),
          new Configuration(15, false, "wal_compression=lz4 wal_level=replica", false),
          new Configuration(15, true, "wal_compression=zstd full_page_writes=off", false),
          new Configuration(15, true, "wal_compression=pglz", false),
          new Configuration(16, true, "wal_compression=pglz wal_level=replica", false),
          new Configuration(17, false, "full_page_writes=off wal_level=replica", false),
          new Configuration(17, true, "wal_compression=pglz", false),
          new Configuration(18, false, "wal_compression=pglz wal_level=replica", false));

  static Stream<Configuration> configurations() {
    return Stream.concat(
            USUAL.stream(),
            Boolean.getBoolean("corpus.nightly") ? NIGHTLY.stream() : Stream.empty())
        .filter(configuration -> MAJORS.contains(String.valueOf(configuration.major())));
  }

  @ParameterizedTest
  @MethodSource("configurations")
  void everyPageIsAsPostgresHadIt(Configuration configuration) throws Exception {
    int major = configuration.major();
    List<String> settings =
        new ArrayList<>(List.of("wal_level=logical", "track_commit_timestamp=on"));
    settings.addAll(Arrays.asList(configuration.settings().split(" ", -1)));
    CorpusServer server =
        new CorpusServer(
            PostgresInstallation.find(Optional.empty(), major),
            directory,
            configuration.checksums(),
            settings);
    server.makeWal(
        CorpusScript.all(major).stream().filter(script -> script.name().contains(SCRIPTS)).toList(),
        ROUNDS);

    List<Mismatch> mismatches = new ArrayList<>();
    HostileRecords hostile = new HostileRecords();
    WalVerifier verifier = verify(server, mismatches, hostile);

    verifier
        .byType()
        .forEach((type, counts) -> System.out.printf("%d %-32s %s%n", major, type, counts));
    System.out.printf("%s: %s%n", configuration, verifier.total());
    assertThat(mismatches).isEmpty();
    assertThat(verifier.total().unsupported()).isZero();
    assertThat(verifier.total().imagesCompared()).isGreaterThan(IMAGES_MIN * ROUNDS);
    if (SCRIPTS.isEmpty() && configuration.documented()) {
      CorpusCoverage.check(major, verifier.byType());
    }
    hostile.attack(SEED, ATTACKS);
    if (SEEDS != null) {
      hostile.write(Path.of(SEEDS));
    }
    if (MUTANTS > 0 && configuration.documented() && MUTATED_MAJORS.contains(major)) {
      noticesPlantedDefects(server);
    }
  }

  private static void noticesPlantedDefects(CorpusServer server) throws Exception {
    try (ClusterFiles base = ClusterFiles.open(server.base())) {
      MutationReport report =
          new RedoMutants(base, server.data().resolve("pg_wal"))
              .run(SEED, MUTANTS, MUTANTS > MUTANTS_FEW);
      System.out.println(report);
      if (SCRIPTS.isEmpty()) {
        report.check();
      }
    }
  }

  private static WalVerifier verify(
      CorpusServer server, List<Mismatch> mismatches, RedoObserver observer) throws Exception {
    try (ClusterFiles base = ClusterFiles.open(server.base())) {
      WalFiles wal = WalFiles.open(server.data().resolve("pg_wal"));
      WalVerifier verifier =
          new WalVerifier(
              wal.version(),
              base,
              mismatch -> {
                if (mismatches.size() < MISMATCHES_SHOWN_MAX) {
                  mismatches.add(mismatch);
                }
              });
      verifier.observe(observer);
      WalRecord record = new WalRecord();
      try (WalFileReader reader = wal.readFrom(base.startLsn())) {
        while (reader.next(record)) {
          verifier.verify(record);
        }
        Lsn shutdown = ClusterFiles.open(server.data()).control().checkPointLsn();
        assertThat(record.start()).as("the last record").isEqualTo(shutdown);
      }
      return verifier;
    }
  }
}
