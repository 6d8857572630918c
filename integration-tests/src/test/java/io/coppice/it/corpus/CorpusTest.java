package io.coppice.it.corpus;

import static org.assertj.core.api.Assertions.assertThat;

import io.coppice.common.id.Lsn;
import io.coppice.compute.postgres.PostgresInstallation;
import io.coppice.postgres.files.ClusterFiles;
import io.coppice.postgres.files.WalFileReader;
import io.coppice.postgres.files.WalFiles;
import io.coppice.postgres.verify.Mismatch;
import io.coppice.postgres.verify.WalVerifier;
import io.coppice.postgres.wal.WalRecord;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Every page that redo makes of a server's WAL is the one that the server made, after Postgres's
 * own masks; for every major. {@code -Dcorpus.rounds=10} makes more of it, {@code
 * -Dcorpus.scripts=hash} takes only the scripts with that in their names.
 */
@Tag("process")
@Timeout(1_200)
final class CorpusTest {
  private static final Logger log = LoggerFactory.getLogger(CorpusTest.class);
  private static final int ROUNDS = Integer.getInteger("corpus.rounds", 1);
  private static final String SCRIPTS = System.getProperty("corpus.scripts", "");
  private static final long IMAGES_MIN = SCRIPTS.isEmpty() ? 10_000 : 1;
  private static final int MISMATCHES_SHOWN_MAX = 20;

  @TempDir Path directory;

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "14 | false | full_page_writes=on wal_level=logical wal_compression=on",
        "15 | true  | full_page_writes=on wal_level=logical wal_compression=pglz",
        "16 | false | full_page_writes=off wal_level=replica track_commit_timestamp=on",
        "17 | true  | full_page_writes=on wal_level=logical wal_log_hints=on",
        "18 | false | full_page_writes=off wal_level=logical track_commit_timestamp=on",
      })
  void everyPageIsAsPostgresHadIt(int major, boolean checksums, String settings) throws Exception {
    CorpusServer server =
        new CorpusServer(
            PostgresInstallation.find(Optional.empty(), major),
            directory,
            checksums,
            Arrays.asList(settings.split(" ")));
    server.makeWal(
        CorpusScript.all(major).stream().filter(script -> script.name().contains(SCRIPTS)).toList(),
        ROUNDS);

    List<Mismatch> mismatches = new ArrayList<>();
    WalVerifier verifier = verify(server, mismatches);

    String table =
        verifier.byType().entrySet().stream()
            .map(entry -> "%-32s %s".formatted(entry.getKey(), entry.getValue()))
            .collect(Collectors.joining("\n"));
    log.info("PostgreSQL {}, {}:\n{}\n{}", major, settings, table, verifier.total());
    assertThat(mismatches).isEmpty();
    assertThat(verifier.total().unsupported()).isZero();
    assertThat(verifier.total().imagesCompared()).isGreaterThan(IMAGES_MIN * ROUNDS);
  }

  private static WalVerifier verify(CorpusServer server, List<Mismatch> mismatches)
      throws Exception {
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
