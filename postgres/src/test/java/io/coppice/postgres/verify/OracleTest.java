package io.coppice.postgres.verify;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Replays all WAL of a real Postgres under a load, compares each page with the image that Postgres
 * put into the record, and at the end with the file it left.
 */
@Tag("process")
@Timeout(300)
final class OracleTest {
  private static final Logger log = LoggerFactory.getLogger(OracleTest.class);
  private static final Path POSTGRES = Path.of("/usr/lib/postgresql/15/bin");
  private static final Path SCRIPT = Path.of("src/test/resources/oracle/make-wal.sh");

  @TempDir Path directory;

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "1 | --wal-segsize=16 | full_page_writes=on wal_level=replica wal_compression=off",
        "1 | -k --wal-segsize=1 | full_page_writes=on wal_level=logical wal_compression=lz4",
        "2 | --wal-segsize=1 | full_page_writes=off wal_level=logical wal_log_hints=on",
      })
  void everyPageIsAsPostgresHadIt(int rounds, String initdbOptions, String settings)
      throws Exception {
    assumeTrue(Files.exists(POSTGRES.resolve("initdb")), "no Postgres 15 in " + POSTGRES);
    Path out = runServer(rounds, initdbOptions, settings);
    ServerWal wal = ServerWal.read(out.resolve("base"), out.resolve("data"));

    Replay replay = Replay.of(wal, new DirectoryPages(out.resolve("base")));

    log.info("{} bytes of WAL with {}\n{}", wal.bytes().length, settings, replay.table());
    assertThat(replay.mismatches).isEmpty();
    assertThat(replay.verifier.total().unsupported()).isZero();
    assertThat(replay.verifier.total().imagesCompared()).isGreaterThan(20_000L * rounds);
    FinalState end =
        new FinalState(
            out.resolve("data"), initdbOptions.contains("-k"), replay.databasesMadeByLog);
    replay.verifier.forEachPage(end::compare);
    log.info("{} pages compared with those on disk", end.compared());
    assertThat(end.different()).isEmpty();
    assertThat(end.compared()).isGreaterThan(500);
  }

  private Path runServer(int rounds, String initdbOptions, String settings)
      throws IOException, InterruptedException {
    Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("rwxr-xr-x"));
    Path out = directory.resolve("out");
    List<String> command =
        new ArrayList<>(
            List.of(
                "bash",
                SCRIPT.toAbsolutePath().toString(),
                POSTGRES.toString(),
                out.toString(),
                Integer.toString(rounds),
                initdbOptions));
    command.addAll(List.of(settings.split(" ")));
    File output = directory.resolve("make-wal.log").toFile();
    Process process =
        new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(output).start();
    assertThat(process.waitFor(180, TimeUnit.SECONDS)).isTrue();
    assertThat(process.exitValue()).as(() -> text(output.toPath())).isZero();
    return out;
  }

  private static String text(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      return e.toString();
    }
  }
}
