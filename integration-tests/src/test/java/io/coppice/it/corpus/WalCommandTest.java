package io.coppice.it.corpus;

import static org.assertj.core.api.Assertions.assertThat;

import io.coppice.cli.Cli;
import io.coppice.common.platform.Clock;
import io.coppice.compute.postgres.PostgresInstallation;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** {@code coppice wal} on the files of a real server. */
@Tag("process")
@Timeout(120)
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
final class WalCommandTest {
  private static final int DAMAGED = 9;

  /** In the middle of the last tuple of a page. */
  private static final int DAMAGED_BYTE = 8_092;

  private static final int PRECONDITION = 10;

  @TempDir static Path directory;

  private Path base = directory;
  private Path wal = directory;

  private record Answer(int code, String out, String err) {}

  @BeforeAll
  void makeWal() throws Exception {
    CorpusServer server =
        new CorpusServer(
            PostgresInstallation.find(Optional.empty(), 15),
            directory,
            false,
            List.of("full_page_writes=off"));
    String script =
        """
        create table t (id int primary key, v int)

        insert into t select i, 0 from generate_series(1, 500) i

        checkpoint

        update t set v = v + 1
        """;
    server.makeWal(List.of(CorpusScript.parse("small", script)), 1);
    base = server.base();
    wal = server.data().resolve("pg_wal");
  }

  private static Answer coppice(String... arguments) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    ByteArrayOutputStream err = new ByteArrayOutputStream();
    int code =
        new Cli(
                new PrintStream(out, true, StandardCharsets.UTF_8),
                new PrintStream(err, true, StandardCharsets.UTF_8),
                Map.of(),
                Clock.SYSTEM)
            .run(arguments);
    return new Answer(
        code, out.toString(StandardCharsets.UTF_8), err.toString(StandardCharsets.UTF_8));
  }

  private Answer verify(String... more) {
    return coppice(
        Stream.concat(
                Stream.of("wal", "verify", "--base", base.toString(), "--wal", wal.toString()),
                Stream.of(more))
            .toArray(String[]::new));
  }

  @Test
  void provesThatRedoIsRight() {
    Answer answer = verify();
    assertThat(answer.code()).as(answer.err()).isZero();
    assertThat(answer.out())
        .contains("Heap/UPDATE", "Btree/INSERT_LEAF", "every page is as Postgres had it");
    Answer json = verify("-o", "json");
    assertThat(json.out())
        .contains(
            "\"records\"",
            "\"blocks\"",
            "\"images_compared\"",
            "\"mismatches\" : 0",
            "\"unsupported\" : 0",
            "\"bytes\"",
            "\"seconds\"",
            "\"by_type\"");
  }

  @Test
  void stopsWhereItIsTold() {
    String start = field(verify("-o", "json"), "start_lsn");
    Answer records = coppice("wal", "dump", "--wal", wal.toString(), "--from", start);
    String line = records.out().lines().skip(600).findFirst().orElseThrow();
    String until = line.replaceAll(".* lsn: ([0-9A-F/]+),.*", "$1");
    Answer answer = verify("--until", until);
    assertThat(answer.code()).isZero();
    assertThat(answer.out()).contains(" to " + until + ":");
    assertThat(verify("--until", "0/10").code()).isEqualTo(PRECONDITION);
  }

  private static String field(Answer json, String name) {
    return json.out().replaceAll("(?s).*\"%s\" : \"([^\"]*)\".*".formatted(name), "$1");
  }

  /** A byte of the base that no full-page image sets right again, in a page that WAL changes. */
  @Test
  void namesThePageThatIsNotAsPostgresHadIt() throws IOException {
    // pg_class of the corpus database: the new table's row goes into a page that is there.
    Path file;
    try (Stream<Path> files = Files.walk(base.resolve("base"))) {
      file =
          files
              .filter(f -> f.endsWith("1259"))
              .max((a, b) -> databaseOf(a) - databaseOf(b))
              .orElseThrow();
    }
    byte[] right = Files.readAllBytes(file);
    byte[] wrong = right.clone();
    for (int page = 0; page < wrong.length; page += 8192) {
      wrong[page + DAMAGED_BYTE] ^= 1;
    }
    Path dump = directory.resolve("dump");
    Files.write(file, wrong);
    try {
      Answer answer = verify("--dump", dump.toString());
      assertThat(answer.code()).isEqualTo(DAMAGED);
      assertThat(answer.out())
          .containsPattern(
              "mismatch: Heap.* at .*, relation 1663/.*/1259.* block \\d+: byte " + DAMAGED_BYTE);
      try (Stream<Path> pages = Files.list(dump)) {
        assertThat(pages.map(Path::toString).toList())
            .anyMatch(name -> name.endsWith(".expected"))
            .anyMatch(name -> name.endsWith(".actual"));
      }
    } finally {
      Files.write(file, right);
    }
  }

  private static int databaseOf(Path file) {
    return Integer.parseInt(String.valueOf(file.getName(file.getNameCount() - 2)));
  }

  @Test
  void refusesWhatIsNoClusterOrNoWal() {
    assertThat(coppice("wal", "dump", "--wal", directory.toString()).code())
        .isEqualTo(PRECONDITION);
    Answer answer = coppice("wal", "verify", "--base", wal.toString(), "--wal", wal.toString());
    assertThat(answer.code()).isEqualTo(PRECONDITION);
    assertThat(answer.err()).contains("pg_control");
  }

  @Test
  void findsAMissingSegment() throws IOException {
    Path copy = Files.createDirectories(directory.resolve("gap"));
    List<Path> segments;
    try (Stream<Path> files = Files.list(wal)) {
      segments = files.filter(Files::isRegularFile).sorted().toList();
    }
    // Only the first and a later one: made of the first, it says that it is another.
    Files.copy(segments.getFirst(), copy.resolve(segments.getFirst().getFileName()));
    Path later = copy.resolve("000000010000000000000009");
    byte[] bytes = Files.readAllBytes(segments.getFirst());
    bytes[8 + 3] = 9;
    Files.write(later, bytes);
    Answer answer = coppice("wal", "dump", "--wal", copy.toString(), "--stats");
    assertThat(answer.code()).isEqualTo(DAMAGED);
    assertThat(answer.err()).contains("missing");
  }

  @Test
  void showsRecordsAndStatistics() {
    Answer lines = coppice("wal", "dump", "--wal", wal.toString(), "--rmgr", "Btree");
    assertThat(lines.out().lines()).isNotEmpty().allMatch(line -> line.startsWith("rmgr: Btree "));
    Answer json = coppice("wal", "dump", "--wal", wal.toString(), "-o", "json");
    assertThat(json.out().lines())
        .isNotEmpty()
        .allMatch(line -> line.startsWith("{\"lsn\":\"") && line.endsWith("}"));
    Answer stats = coppice("wal", "dump", "--wal", wal.toString(), "--stats");
    assertThat(stats.out()).contains("Heap/INSERT", "XLOG/CHECKPOINT_SHUTDOWN", "total");
    Answer unknown = coppice("wal", "dump", "--wal", wal.toString(), "--rmgr", "nothing");
    assertThat(unknown.code()).isEqualTo(2);
    assertThat(unknown.err()).contains("Heap2");
  }
}
