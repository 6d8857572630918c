package io.coppice.it.corpus;

import static org.assertj.core.api.Assertions.assertThat;

import io.coppice.common.error.StorageException;
import io.coppice.postgres.record.RecordNames;
import io.coppice.postgres.record.ResourceManager;
import io.coppice.postgres.verify.Counts;
import io.coppice.postgres.verify.RecordType;
import io.coppice.postgres.version.PostgresVersion;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * Which kinds of records the corpus has, for each major, and why it lacks others: {@code
 * docs/wal-records.md} says it, and is held against what the corpus really has. {@code
 * -Dcorpus.document=true} writes it anew.
 */
final class CorpusCoverage {
  private static final Path DOCUMENT = Path.of("../docs/wal-records.md");
  private static final Path NEVER = Path.of("src/test/resources/corpus/never-written.txt");
  private static final String HEADING = "## PostgreSQL ";
  private static final String COVERED = "covered";

  /** Kinds of some majors that servers do not write, or not in a way that a script can bring on. */
  private record Never(int majorMin, int majorMax, String type, String why) {}

  private CorpusCoverage() {}

  static void check(int major, Map<RecordType, Counts> seen) throws IOException, StorageException {
    List<String> table = table(major, seen);
    if (Boolean.getBoolean("corpus.document")) {
      write(major, table);
    }
    assertThat(section(major)).isEqualTo(table);
  }

  private static List<String> table(int major, Map<RecordType, Counts> seen)
      throws IOException, StorageException {
    PostgresVersion version = PostgresVersion.ofMajor(major);
    List<Never> never = never();
    Set<String> names =
        seen.keySet().stream().map(RecordType::toString).collect(Collectors.toSet());
    List<String> rows = new ArrayList<>(List.of("| record | |", "|---|---|"));
    List<String> unexplained = new ArrayList<>();
    for (int manager = 0; manager <= ResourceManager.LOGICALMSG; manager++) {
      for (int kind = 0; kind < 0x100; kind += 0x10) {
        String name = RecordNames.of(version, manager, kind);
        boolean isKind =
            !name.contains("/0x") && !rows.stream().anyMatch(r -> r.contains(cell(name)));
        if (isKind && names.remove(name)) {
          rows.add(cell(name) + " " + COVERED + " |");
        } else if (isKind) {
          Optional<Never> why =
              never.stream()
                  .filter(n -> n.type.equals(name) && n.majorMin <= major && major <= n.majorMax)
                  .findFirst();
          why.ifPresent(n -> rows.add(cell(name) + " " + n.why + " |"));
          if (why.isEmpty() && !unexplained.contains(name)) {
            unexplained.add(name);
          }
        }
      }
    }
    assertThat(unexplained).as("kinds that the corpus for %d lacks", major).isEmpty();
    assertThat(names).as("kinds that have no name").isEmpty();
    return rows;
  }

  private static String cell(String name) {
    return "| " + name + " |";
  }

  private static List<Never> never() throws IOException {
    List<Never> all = new ArrayList<>();
    for (String line : Files.readAllLines(NEVER)) {
      if (line.isBlank()) {
        continue;
      }
      String[] parts = line.split(" \\| ", 3);
      String[] majors = parts[0].strip().split("-", 2);
      all.add(
          new Never(
              Integer.parseInt(majors[0]),
              Integer.parseInt(majors[majors.length - 1]),
              parts[1].strip(),
              parts[2].strip()));
    }
    return all;
  }

  private static List<String> section(int major) throws IOException {
    List<String> rows = new ArrayList<>();
    boolean isIn = false;
    for (String line : Files.readAllLines(DOCUMENT)) {
      if (line.startsWith(HEADING)) {
        isIn = line.equals(HEADING + major);
      } else if (isIn && !line.isBlank()) {
        rows.add(line);
      }
    }
    return rows;
  }

  private static void write(int major, List<String> table) throws IOException {
    List<String> lines = new ArrayList<>();
    boolean isIn = false;
    for (String line : Files.readAllLines(DOCUMENT)) {
      if (line.startsWith(HEADING)) {
        isIn = line.equals(HEADING + major);
        lines.add(line);
        if (isIn) {
          lines.add("");
          lines.addAll(table);
          lines.add("");
        }
      } else if (!isIn) {
        lines.add(line);
      }
    }
    Files.write(DOCUMENT, lines);
  }
}
