package io.coppice.postgres.verify;

import io.coppice.common.error.StorageException;
import io.coppice.postgres.record.DatabaseRecord;
import io.coppice.postgres.record.ResourceManager;
import io.coppice.postgres.version.PostgresVersion;
import io.coppice.postgres.wal.WalDecoder;
import io.coppice.postgres.wal.WalRecord;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;

/** A verifier run over a stretch of WAL, and what it found. */
final class Replay {
  private static final int MISMATCHES_KEPT_MAX = 20;
  private static final int FEED_BYTES = 128 << 10;

  final List<Mismatch> mismatches = new ArrayList<>();

  /** Databases whose pages came through the log when they were made. */
  final Set<Integer> databasesMadeByLog = new HashSet<>();

  final WalVerifier verifier;

  private Replay(PostgresVersion version, BasePages base) {
    verifier =
        new WalVerifier(
            version,
            base,
            mismatch -> {
              if (mismatches.size() < MISMATCHES_KEPT_MAX) {
                mismatches.add(mismatch);
              }
            });
  }

  /** Replays WAL over the pages from before it. */
  static Replay of(ServerWal wal, BasePages base) throws StorageException {
    return of(wal, base, record -> true);
  }

  /** The same with only some of the records. */
  static Replay of(ServerWal wal, BasePages base, Predicate<WalRecord> filter)
      throws StorageException {
    Replay replay = new Replay(wal.version(), base);
    WalDecoder decoder = WalDecoder.ofFiles(wal.version(), wal.segmentSizeBytes(), wal.start());
    WalRecord record = new WalRecord();
    byte[] bytes = wal.bytes();
    for (int at = 0; at < bytes.length; at += FEED_BYTES) {
      decoder.feed(bytes, at, Math.min(FEED_BYTES, bytes.length - at));
      while (decoder.next(record)) {
        if (!filter.test(record)) {
          continue;
        }
        replay.verifier.verify(record);
        if (record.resourceManager() == ResourceManager.DBASE
            && DatabaseRecord.parse(record) instanceof DatabaseRecord.CreateByLog made) {
          replay.databasesMadeByLog.add(made.databaseOid());
        }
      }
    }
    return replay;
  }

  Counts counts(int resourceManager, int kind) {
    return verifier
        .byType()
        .getOrDefault(new RecordType(PostgresVersion.V15, resourceManager, kind), new Counts());
  }

  /** A table of counts, for the log and for failures. */
  String table() {
    StringBuilder table = new StringBuilder();
    for (Map.Entry<RecordType, Counts> entry : verifier.byType().entrySet()) {
      table.append("%-32s %s%n".formatted(entry.getKey(), entry.getValue()));
    }
    return table.append("%-32s %s".formatted("total", verifier.total())).toString();
  }
}
