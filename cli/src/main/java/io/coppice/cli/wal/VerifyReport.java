package io.coppice.cli.wal;

import io.coppice.cli.output.Output;
import io.coppice.cli.output.Texts;
import io.coppice.common.id.Lsn;
import io.coppice.postgres.verify.Counts;
import io.coppice.postgres.verify.Mismatch;
import io.coppice.postgres.verify.RecordType;
import io.coppice.postgres.version.PostgresVersion;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What a run over WAL found.
 *
 * @param mismatches the first of them
 */
public record VerifyReport(
    PostgresVersion version,
    Lsn start,
    Lsn end,
    long durationMillis,
    Counts total,
    Map<RecordType, Counts> byType,
    List<Mismatch> mismatches) {

  /** Whether every page came out as Postgres had it. */
  public boolean isClean() {
    return total.mismatches() == 0 && total.unsupported() == 0;
  }

  private long bytes() {
    return end.minus(start);
  }

  private double seconds() {
    return durationMillis / 1e3;
  }

  /** Prints it in the form that was asked for. */
  public void print(Output output) {
    if (output.isJson()) {
      output.json(json());
    } else {
      output.print(table());
    }
  }

  private Map<String, Object> json() {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("pg_version", version.major());
    json.put("start_lsn", start.toString());
    json.put("end_lsn", end.toString());
    addCounts(json, total);
    json.put("bytes", bytes());
    json.put("seconds", seconds());
    Map<String, Object> types = new LinkedHashMap<>();
    byType.forEach((type, counts) -> {
      Map<String, Object> one = new LinkedHashMap<>();
      addCounts(one, counts);
      types.put(type.toString(), one);
    });
    json.put("by_type", types);
    json.put("first_mismatches", mismatches.stream().map(Mismatch::toString).toList());
    return json;
  }

  private static void addCounts(Map<String, Object> json, Counts counts) {
    json.put("records", counts.records());
    json.put("blocks", counts.blocks());
    json.put("images_compared", counts.imagesCompared());
    json.put("mismatches", counts.mismatches());
    json.put("unsupported", counts.unsupported());
  }

  private String table() {
    StringBuilder text = new StringBuilder();
    String line = "%-32s %12s %12s %12s %10s %11s%n";
    text.append(
        line.formatted("TYPE", "RECORDS", "BLOCKS", "COMPARED", "MISMATCHES", "UNSUPPORTED"));
    byType.forEach((type, counts) -> text.append(row(line, type.toString(), counts)));
    text.append(row(line, "total", total));
    for (Mismatch mismatch : mismatches) {
      text.append("mismatch: ").append(mismatch).append(System.lineSeparator());
    }
    if (mismatches.size() < total.mismatches()) {
      text.append("and %s more%n".formatted(Texts.count(total.mismatches() - mismatches.size())));
    }
    return text.append(
            "PostgreSQL %d, WAL %s to %s: %s in %.1f s, %s records a second%n%s%n"
                .formatted(
                    version.major(),
                    start,
                    end,
                    Texts.size(bytes()),
                    seconds(),
                    Texts.count(total.records() * 1_000 / Math.max(1, durationMillis)),
                    verdict()))
        .toString();
  }

  private String verdict() {
    if (!isClean()) {
      return "%s mismatches, %s blocks of unsupported records"
          .formatted(Texts.count(total.mismatches()), Texts.count(total.unsupported()));
    }
    return total.imagesCompared() == 0
        ? "nothing was compared: write the WAL with wal_consistency_checking = all"
        : "every page is as Postgres had it";
  }

  private static String row(String line, String name, Counts counts) {
    return line.formatted(
        name,
        Texts.count(counts.records()),
        Texts.count(counts.blocks()),
        Texts.count(counts.imagesCompared()),
        Texts.count(counts.mismatches()),
        Texts.count(counts.unsupported()));
  }
}
