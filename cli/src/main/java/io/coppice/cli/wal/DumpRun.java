package io.coppice.cli.wal;

import io.coppice.cli.output.Output;
import io.coppice.common.error.StorageException;
import io.coppice.common.id.Fork;
import io.coppice.common.id.Lsn;
import io.coppice.postgres.files.WalFileReader;
import io.coppice.postgres.files.WalFiles;
import io.coppice.postgres.record.RecordNames;
import io.coppice.postgres.record.ResourceManager;
import io.coppice.postgres.wal.WalRecord;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Prints records: a line for each, in the manner of pg_waldump, or a JSON object for each. */
public final class DumpRun {
  private final Output output;
  private final WalFiles wal;
  private final RecordFilter filter;

  public DumpRun(Output output, WalFiles wal, RecordFilter filter) {
    this.output = output;
    this.wal = wal;
    this.filter = filter;
  }

  /** Is given each record that is wanted. */
  private interface Visitor {
    void visit(WalRecord record) throws StorageException;
  }

  private void visit(Visitor visitor) throws StorageException {
    Lsn from = filter.from().isAtOrBefore(wal.start()) ? wal.start() : filter.from();
    WalRecord record = new WalRecord();
    try (WalFileReader reader = wal.readFromPageOf(from)) {
      while (reader.next(record) && record.start().isBefore(filter.to())) {
        if (filter.accepts(record)) {
          visitor.visit(record);
        }
      }
    }
  }

  /** Prints every record. */
  public void printRecords() throws StorageException {
    visit(record -> {
      if (output.isJson()) {
        output.jsonLine(json(record));
      } else {
        output.out().println(line(record));
      }
    });
    output.out().flush();
  }

  private static String line(WalRecord record) {
    StringBuilder text =
        new StringBuilder(
            "rmgr: %-17s len (rec/tot): %6d/%6d, tx: %10s, lsn: %s, prev %s, desc: %s"
                .formatted(
                    ResourceManager.name(record.resourceManager()),
                    record.length() - imageBytes(record),
                    record.length(),
                    Integer.toUnsignedString(record.xid()),
                    record.start(),
                    record.previous(),
                    kind(record)));
    for (int id = 0; id < record.blockCount(); id++) {
      if (record.hasBlock(id)) {
        text.append(
            ", blkref #%d: rel %d/%d/%s%s blk %s%s"
                .formatted(
                    id,
                    record.blockSpc(id),
                    record.blockDb(id),
                    Integer.toUnsignedString(record.blockRel(id)),
                    forkName(record, id),
                    Integer.toUnsignedString(record.blockNumber(id)),
                    image(record, id)));
      }
    }
    return text.toString();
  }

  private static String kind(WalRecord record) {
    String name = RecordNames.of(record);
    return name.substring(name.indexOf('/') + 1);
  }

  private static String forkName(WalRecord record, int id) {
    int fork = record.blockFork(id);
    return fork == Fork.MAIN.number() ? "" : " fork " + Fork.of(fork).suffix();
  }

  private static String image(WalRecord record, int id) {
    if (!record.blockHasImage(id)) {
      return record.blockWillInit(id) ? " INIT" : "";
    }
    return record.blockApplyImage(id) ? " FPW" : " FPW for WAL verification";
  }

  private static int imageBytes(WalRecord record) {
    int bytes = 0;
    for (int id = 0; id < record.blockCount(); id++) {
      if (record.hasBlock(id) && record.blockHasImage(id)) {
        bytes += record.blockImageLength(id);
      }
    }
    return bytes;
  }

  private static Map<String, Object> json(WalRecord record) {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("lsn", record.start().toString());
    json.put("end_lsn", record.end().toString());
    json.put("prev_lsn", record.previous().toString());
    json.put("rmgr", ResourceManager.name(record.resourceManager()));
    json.put("type", kind(record));
    json.put("xid", Integer.toUnsignedLong(record.xid()));
    json.put("length", record.length());
    json.put("image_bytes", imageBytes(record));
    List<Map<String, Object>> blocks = new ArrayList<>();
    for (int id = 0; id < record.blockCount(); id++) {
      if (record.hasBlock(id)) {
        Map<String, Object> block = new LinkedHashMap<>();
        block.put("id", id);
        block.put("relation", record.blockTag(id).withFork(Fork.MAIN).toString());
        block.put("fork", Fork.of(record.blockFork(id)).suffix());
        block.put("block", Integer.toUnsignedLong(record.blockNumber(id)));
        block.put("image", record.blockHasImage(id));
        block.put("init", record.blockWillInit(id));
        blocks.add(block);
      }
    }
    json.put("blocks", blocks);
    return json;
  }

  /** Prints how many records of each type there are, and how large they are. */
  public void printStatistics() throws StorageException {
    RecordStatistics statistics = new RecordStatistics();
    visit(record -> statistics.add(RecordNames.of(record), record.length(), imageBytes(record)));
    statistics.print(output);
  }
}
