package io.coppice.fuzz;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.key.Key;
import io.coppice.postgres.bytes.LittleEndian;
import io.coppice.postgres.page.Page;
import io.coppice.postgres.page.PageKind;
import io.coppice.postgres.page.PageMasks;
import io.coppice.postgres.record.DatabaseRecord;
import io.coppice.postgres.record.MultixactRecord;
import io.coppice.postgres.record.PreparedTransaction;
import io.coppice.postgres.record.RecordKind;
import io.coppice.postgres.record.RelmapUpdate;
import io.coppice.postgres.record.ResourceManager;
import io.coppice.postgres.record.RunningTransactions;
import io.coppice.postgres.record.SmgrRecord;
import io.coppice.postgres.record.TablespaceRecord;
import io.coppice.postgres.record.TransactionEnd;
import io.coppice.postgres.record.VisibilityClears;
import io.coppice.postgres.record.XlogRecord;
import io.coppice.postgres.redo.ByteSink;
import io.coppice.postgres.redo.PageRedo;
import io.coppice.postgres.redo.StoredValues;
import io.coppice.postgres.version.PostgresVersion;
import io.coppice.postgres.wal.WalRecord;
import java.util.EnumMap;
import java.util.Map;

/** Input: major (1), page (8192), record. The record is parsed and applied to the page. */
public final class RedoTarget {
  private static final Lsn START = new Lsn(0x1000028);
  private static final int RECORD_HEADER_BYTES = 24;

  private final Map<PostgresVersion, PageRedo> redos = new EnumMap<>(PostgresVersion.class);
  private final WalRecord record = new WalRecord();
  private final TransactionEnd transactionEnd = new TransactionEnd();
  private final ByteSink value = new ByteSink();
  private final byte[] page = new byte[Page.SIZE_BYTES];

  private static final ThreadLocal<RedoTarget> TARGET = ThreadLocal.withInitial(RedoTarget::new);

  private RedoTarget() {}

  /** What Jazzer calls. */
  public static void fuzzerTestOneInput(byte[] input) {
    TARGET.get().run(new InputReader(input));
  }

  /** An input that does what the server did. */
  static byte[] seed(WalRecord record, byte[] page) {
    byte[] seed = new byte[1 + Page.SIZE_BYTES + record.length()];
    seed[0] = (byte) record.version().major();
    System.arraycopy(page, 0, seed, 1, Page.SIZE_BYTES);
    System.arraycopy(record.bytes(), record.offset(), seed, 1 + Page.SIZE_BYTES, record.length());
    return seed;
  }

  private void run(InputReader input) {
    PostgresVersion version = input.version();
    byte[] before = input.bytes(Page.SIZE_BYTES);
    byte[] bytes = input.rest();
    if (bytes.length < RECORD_HEADER_BYTES) {
      return;
    }
    LittleEndian.putI32(bytes, 0, bytes.length);
    try {
      record.parse(version, bytes, 0, bytes.length, START, START.plus(bytes.length).alignedUp());
    } catch (StorageException.Corrupt _) {
      return;
    }
    try {
      parseMainData(version);
    } catch (StorageException _) {
      // Refused: as it should be, of most inputs.
    }
    for (int id = 0; id < record.blockCount(); id++) {
      if (record.hasBlock(id)) {
        System.arraycopy(before, 0, page, 0, Page.SIZE_BYTES);
        Page.setLsnValue(page, 0);
        apply(version, id);
      }
    }
    mask(before);
  }

  private void parseMainData(PostgresVersion version) throws StorageException {
    switch (record.resourceManager()) {
      case ResourceManager.XLOG -> {
        var _ = XlogRecord.parse(version, record);
      }
      case ResourceManager.SMGR -> {
        var _ = SmgrRecord.parse(record);
      }
      case ResourceManager.DBASE -> {
        var _ = DatabaseRecord.parse(record);
      }
      case ResourceManager.TBLSPC -> {
        var _ = TablespaceRecord.parse(record);
      }
      case ResourceManager.MULTIXACT -> {
        var _ = MultixactRecord.parse(record);
      }
      case ResourceManager.RELMAP -> {
        var _ = RelmapUpdate.parse(record);
      }
      case ResourceManager.STANDBY -> {
        if (RunningTransactions.is(record)) {
          var _ = RunningTransactions.parse(record);
        }
      }
      case ResourceManager.XACT -> parseTransaction();
      default -> {
        var _ = VisibilityClears.of(record);
      }
    }
  }

  private void parseTransaction() throws StorageException {
    if (TransactionEnd.is(record)) {
      transactionEnd.parse(record);
      for (int i = 0; i < transactionEnd.droppedRelationCount(); i++) {
        var _ = transactionEnd.droppedRelation(i);
      }
    } else if ((record.kind() & RecordKind.XACT_OPERATION_MASK) == RecordKind.XACT_PREPARE) {
      var _ = PreparedTransaction.parse(record);
    }
  }

  private void apply(PostgresVersion version, int id) {
    try {
      StoredValues.encodeBlock(record, id, value);
      redos
          .computeIfAbsent(version, PageRedo::new)
          .apply(
              page,
              record.end(),
              Key.relationBlock(record.blockTag(id), record.blockNumber(id)),
              value.bytes(),
              0,
              value.length());
      mask(page);
    } catch (StorageException _) {
      // Refused.
    }
  }

  private void mask(byte[] from) {
    byte[] masked = new byte[Page.SIZE_BYTES];
    for (PageKind kind : PageKind.values()) {
      System.arraycopy(from, 0, masked, 0, Page.SIZE_BYTES);
      try {
        PageMasks.mask(masked, kind, record.hasBlock(0) ? record.blockNumber(0) : 0);
      } catch (StorageException.Corrupt _) {
        // Refused.
      }
    }
  }
}
