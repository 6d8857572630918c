package io.coppice.cli.wal;

import io.coppice.cli.output.Column;
import io.coppice.cli.output.Output;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** Counts and sizes by type of record. */
final class RecordStatistics {
  private static final List<Column<Row>> COLUMNS =
      List.of(
          Column.of("type", Row::type),
          Column.of("records", row -> row.records),
          Column.size("record_bytes", row -> row.recordBytes),
          Column.size("image_bytes", row -> row.imageBytes));

  private final Map<String, Row> byType = new TreeMap<>();
  private final Row total = new Row("total");

  private static final class Row {
    private final String type;
    private long records;
    private long recordBytes;
    private long imageBytes;

    Row(String type) {
      this.type = type;
    }

    String type() {
      return type;
    }

    void add(int length, int images) {
      records++;
      recordBytes += length - images;
      imageBytes += images;
    }
  }

  /** A record of that many bytes, of which some are page images. */
  void add(String type, int length, int imageBytes) {
    byType.computeIfAbsent(type, Row::new).add(length, imageBytes);
    total.add(length, imageBytes);
  }

  void print(Output output) {
    List<Row> rows = new ArrayList<>(byType.values());
    rows.add(total);
    output.list(COLUMNS, rows);
  }
}
