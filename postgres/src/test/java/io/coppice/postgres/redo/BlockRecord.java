package io.coppice.postgres.redo;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.RelationTag;
import io.coppice.common.key.Key;
import io.coppice.postgres.version.PostgresVersion;
import java.util.Arrays;
import java.util.function.Consumer;

/** A record as it is stored for one of its blocks, and what it does to a page. */
final class BlockRecord {
  static final Lsn LSN = Lsn.parse("1/2000");

  private static final Key BLOCK = Key.relationBlock(new RelationTag(1663, 5, 16384, 0), 7);

  private final int resourceManager;
  private final int info;
  private final int blockId;
  private final ByteSink others = new ByteSink();
  private int otherCount;
  private byte[] main = new byte[0];
  private byte[] data = new byte[0];

  BlockRecord(int resourceManager, int info, int blockId) {
    this.resourceManager = resourceManager;
    this.info = info;
    this.blockId = blockId;
  }

  /** Another block of the record. */
  BlockRecord other(int otherId, int block) {
    others.put8(otherId).put8(StoredRecord.SAME_RELATION).put32(block);
    otherCount++;
    return this;
  }

  BlockRecord main(Consumer<ByteSink> content) {
    main = bytes(content);
    return this;
  }

  BlockRecord data(Consumer<ByteSink> content) {
    data = bytes(content);
    return this;
  }

  static byte[] bytes(Consumer<ByteSink> content) {
    ByteSink sink = new ByteSink();
    content.accept(sink);
    return sink.toByteArray();
  }

  void applyTo(byte[] page) throws StorageException {
    ByteSink value = new ByteSink();
    value.put8(ValueKind.RECORD.code()).put8(resourceManager).put8(info).put8(blockId).put32(700);
    value.put8(0).put8(otherCount).put16(data.length).put32(main.length);
    value.put(others.bytes(), 0, others.length());
    value.put(main, 0, main.length).put(data, 0, data.length);
    new PageRedo(PostgresVersion.V15).apply(page, LSN, BLOCK, value.bytes(), 0, value.length());
  }

  /** Requires that the page, or the record, is found to be damaged. */
  void isCorruptFor(byte[] page) {
    assertThatThrownBy(() -> applyTo(page.clone()))
        .as("0x%02X block %d", info, blockId)
        .isInstanceOf(StorageException.Corrupt.class);
  }

  /** Requires the same of this record with any number of bytes cut off its main data. */
  void isCorruptWithLessMain(byte[] page) {
    byte[] whole = main;
    for (int length = 0; length < whole.length; length++) {
      main = Arrays.copyOf(whole, length);
      isCorruptFor(page);
    }
    main = whole;
  }

  /** Requires the same of this record with any number of bytes cut off its block's data. */
  void isCorruptWithLessData(byte[] page) {
    byte[] whole = data;
    for (int length = 0; length < whole.length; length++) {
      data = Arrays.copyOf(whole, length);
      isCorruptFor(page);
    }
    data = whole;
  }
}
