package io.coppice.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

final class ReportTest {

  @Test
  void writesWhatWasMeasuredAsJson(@TempDir Path directory) throws IOException {
    Report report = new Report();
    report.add(Figure.rate("ingest", "MB/s", 300, 120));
    report.add(Figure.alone("branch p99", "ms", 3.14159));
    Path file = directory.resolve("results.json");
    report.write(file);
    JsonNode rows = JsonMapper.builder().build().readTree(Files.readString(file));
    assertThat(rows.size()).isEqualTo(2);
    assertThat(rows.get(0).get("name").asString()).isEqualTo("ingest");
    assertThat(rows.get(0).get("unit").asString()).isEqualTo("MB/s");
    assertThat(rows.get(0).get("ratio").asDouble()).isEqualTo(2.5);
    assertThat(rows.get(1).get("value").asDouble()).isCloseTo(3.142, within(1e-9));
    assertThat(rows.get(1).get("anchor").isNull()).isTrue();
    assertThat(rows.get(1).get("ratio").isNull()).isTrue();
  }

  @Test
  void keepsFiguresOfOtherBenchmarks(@TempDir Path directory) throws IOException {
    Path file = directory.resolve("results.json");
    Report first = new Report();
    first.add(Figure.alone("ingest", "MB/s", 300));
    first.add(Figure.alone("branch p99", "ms", 3));
    first.write(file);
    Report second = new Report();
    second.add(Figure.alone("ingest", "MB/s", 400));
    second.write(file);
    JsonNode rows = JsonMapper.builder().build().readTree(Files.readString(file));
    assertThat(rows.size()).isEqualTo(2);
    assertThat(rows.get(0).get("value").asDouble()).isEqualTo(400);
    assertThat(rows.get(1).get("name").asString()).isEqualTo("branch p99");
  }

  @Test
  void printsOneLineForEachFigure() {
    Report report = new Report();
    report.add(Figure.rate("ingest", "MB/s", 300, 120));
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    report.print(new PrintStream(out, true, StandardCharsets.UTF_8));
    assertThat(out.toString(StandardCharsets.UTF_8).lines())
        .satisfiesExactly(
            heading -> assertThat(heading).startsWith("name").contains("anchor"),
            row -> assertThat(row).contains("ingest", "300", "MB/s", "120", "2.50"));
  }

  @Test
  void takesPercentilesByTheNearestRank() {
    long[] nanos = new long[100];
    for (int i = 0; i < nanos.length; i++) {
      nanos[i] = (100 - i) * 1_000_000L;
    }
    Percentiles percentiles = new Percentiles(nanos);
    assertThat(percentiles.millis(50)).isEqualTo(50);
    assertThat(percentiles.millis(99)).isEqualTo(99);
    assertThat(percentiles.millis(100)).isEqualTo(100);
  }
}
