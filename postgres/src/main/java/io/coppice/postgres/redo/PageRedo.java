package io.coppice.postgres.redo;

import static io.coppice.postgres.bytes.LittleEndian.i32;
import static io.coppice.postgres.bytes.LittleEndian.u16;
import static io.coppice.postgres.bytes.LittleEndian.u8;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Fork;
import io.coppice.common.id.Lsn;
import io.coppice.common.key.Key;
import io.coppice.postgres.compress.FullPageImages;
import io.coppice.postgres.page.GistPage;
import io.coppice.postgres.page.Page;
import io.coppice.postgres.page.VisibilityMapPage;
import io.coppice.postgres.record.RecordNames;
import io.coppice.postgres.version.PostgresVersion;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Brings a page forward by one stored value at a time. Values of one key are applied in the order
 * of their LSNs, from a complete one on.
 *
 * <p>Not thread safe, reusable: one for each thread that reads.
 */
public final class PageRedo {
  private static final int SLRU_FIELD1 = 0x01;

  private final PostgresVersion version;
  private final @Nullable ResourceManagerRedo[] resourceManagers;
  private final StoredRecord record = new StoredRecord();

  /** Redo of the WAL of that version of Postgres. */
  public PageRedo(PostgresVersion version) {
    this.version = version;
    resourceManagers = RedoTables.of(version);
  }

  /**
   * Redo of the WAL of a major version of Postgres.
   *
   * @throws StorageException.Unsupported if there is none
   */
  public static PageRedo ofMajor(int major) throws StorageException.Unsupported {
    return new PageRedo(PostgresVersion.ofMajor(major));
  }

  /**
   * Applies a value to a page.
   *
   * @param page {@link Page#SIZE_BYTES}, changed in place; of no use after an exception
   * @param lsn the end of the record that the value is of
   * @param target the key that the value is kept under
   * @throws StorageException.Unsupported if the value is a record of a kind that is not replayed
   * @throws StorageException.Corrupt if the page is not one that the value can be applied to
   */
  public void apply(byte[] page, Lsn lsn, Key target, byte[] value, int offset, int length)
      throws StorageException {
    try {
      if (length == 0) {
        throw new StorageException.Corrupt("a deleted value where a page was expected");
      }
      applyKind(page, lsn, target, value, offset, length);
    } catch (StorageException.Corrupt e) {
      throw new StorageException.Corrupt(place(target, lsn) + e.getMessage(), e);
    } catch (IndexOutOfBoundsException e) {
      throw new StorageException.Corrupt(
          place(target, lsn) + "a value points outside of the page or of itself", e);
    }
  }

  private void applyKind(byte[] page, Lsn lsn, Key target, byte[] value, int offset, int length)
      throws StorageException {
    int body = offset + 1;
    int end = offset + length;
    switch (ValueKind.of(value[offset])) {
      case IMAGE -> {
        if (!StoredValues.isPageImage(length)) {
          throw new StorageException.Corrupt("a page image of %d bytes".formatted(length - 1));
        }
        System.arraycopy(value, body, page, 0, Page.SIZE_BYTES);
      }
      case ZERO_PAGE -> Arrays.fill(page, 0, Page.SIZE_BYTES, (byte) 0);
      case FULL_PAGE_IMAGE -> restoreImage(page, lsn, value, body, end);
      case GIST_SPLIT_END_IMAGE -> {
        restoreImage(page, lsn, value, body, end);
        GistPage.endSplit(page, lsn);
      }
      case RECORD -> {
        if (Long.compareUnsigned(Page.lsnValue(page), lsn.value()) > 0) {
          throw new StorageException.Corrupt("the page is already as of " + Page.lsn(page));
        }
        applyRecord(page, lsn, target, value, offset, length);
      }
      case RECORD_WILL_INIT -> applyRecord(page, lsn, target, value, offset, length);
      case CLEAR_VM_BITS -> {
        int bits = u8(value, body);
        for (int at = body + 1; at < end; at += 4) {
          VisibilityMapPage.clear(page, i32(value, at), bits);
        }
      }
      case TRUNCATE_VM -> VisibilityMapPage.clearFrom(page, i32(value, body));
      case XACT_STATUS -> {
        int status = u8(value, body);
        for (int at = body + 1; at < end; at += 4) {
          SlruPages.setXactStatus(page, i32(value, at), status);
        }
      }
      case MULTIXACT_OFFSET -> {
        int multixact = i32(value, body);
        for (int at = body + 4; at < end; at += 4) {
          SlruPages.setMemberOffset(page, multixact, i32(value, at));
          multixact++;
        }
      }
      case MULTIXACT_MEMBERS -> {
        int memberOffset = i32(value, body);
        for (int at = body + 4; at < end; at += 5) {
          SlruPages.setMember(page, memberOffset, i32(value, at), u8(value, at + 4));
          memberOffset++;
        }
      }
    }
  }

  private static void restoreImage(byte[] page, Lsn lsn, byte[] value, int body, int end)
      throws StorageException.Corrupt {
    int image = body + StoredValues.IMAGE_HEADER_BYTES;
    FullPageImages.restore(
        value,
        image,
        end - image,
        u8(value, body),
        u16(value, body + 1),
        u16(value, body + 3),
        page);
    if (!Page.isNew(page)) {
      Page.setLsn(page, lsn);
    }
  }

  private void applyRecord(byte[] page, Lsn lsn, Key target, byte[] value, int offset, int length)
      throws StorageException {
    RedoOutcome outcome;
    try {
      record.read(value, offset, length, target.field6(), lsn);
      ResourceManagerRedo redo = resourceManagers[record.resourceManager()];
      outcome = redo == null ? RedoOutcome.UNKNOWN : redo.redo(page, record);
    } catch (StorageException.Corrupt e) {
      throw new StorageException.Corrupt(
          "%s record does not fit: %s".formatted(recordName(), e.getMessage()), e);
    }
    switch (outcome) {
      case CHANGED -> Page.setLsn(page, lsn);
      case UNCHANGED -> {}
      case UNKNOWN ->
          throw new StorageException.Unsupported(
              "%s%s record cannot be replayed for its block %d"
                  .formatted(place(target, lsn), recordName(), record.blockId()));
    }
  }

  private String recordName() {
    return RecordNames.of(version, record.resourceManager(), record.info());
  }

  private static String place(Key target, Lsn lsn) {
    return "%s at %s: ".formatted(describe(target), lsn);
  }

  private static String describe(Key target) {
    if (target.isRelationBlock()) {
      Fork fork = Fork.of(target.field5());
      return "block %s of relation %s (%s)"
          .formatted(
              Integer.toUnsignedString(target.field6()), target.relationTag(), fork.suffix());
    }
    return (target.field1() == SLRU_FIELD1 ? "SLRU page " : "key ") + target;
  }
}
