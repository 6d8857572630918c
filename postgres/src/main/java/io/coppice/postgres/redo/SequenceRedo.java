package io.coppice.postgres.redo;

import static io.coppice.postgres.bytes.LittleEndian.putI32;

import io.coppice.common.error.StorageException;
import io.coppice.postgres.page.Page;
import io.coppice.postgres.page.PageItems;
import io.coppice.postgres.record.RecordKind;

/** Redo of the resource manager Sequence ({@code sequence.c}). */
final class SequenceRedo implements ResourceManagerRedo {

  /** {@code SEQ_MAGIC}, all that is in the special space. */
  private static final int MAGIC = 0x1717;

  private static final int MAGIC_BYTES = 4;
  private static final int RELATION_BYTES = 12;

  private final PageItems items;

  SequenceRedo(PageItems items) {
    this.items = items;
  }

  /** Main data: the relation's tablespace, database and number u32 each; the page's one tuple. */
  @Override
  public RedoOutcome redo(byte[] page, StoredRecord record) throws StorageException.Corrupt {
    if (record.info() != RecordKind.SEQ_LOG || record.blockId() != 0) {
      return RedoOutcome.UNKNOWN;
    }
    int main = record.main(RELATION_BYTES);
    Page.init(page, MAGIC_BYTES);
    putI32(page, Page.special(page), MAGIC);
    items.addToIndex(
        page, 1, record.bytes(), main + RELATION_BYTES, record.mainLength() - RELATION_BYTES);
    return RedoOutcome.CHANGED;
  }
}
