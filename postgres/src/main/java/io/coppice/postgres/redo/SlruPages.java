package io.coppice.postgres.redo;

import static io.coppice.postgres.bytes.LittleEndian.i32;
import static io.coppice.postgres.bytes.LittleEndian.putI32;

import io.coppice.postgres.page.Page;

/**
 * The pages of Postgres's small caches on disk ({@code clog.c}, {@code multixact.c}), which have no
 * header: entries from the first byte on.
 *
 * <pre>
 *  commit log          2 bits a transaction, 4 to a byte, lowest bits first
 *  multixact offsets   u32 each
 *  multixact members   groups of 20 bytes: 4 status bytes, then 4 xids (u32); 409 groups a page
 * </pre>
 */
public final class SlruPages {
  /** {@code CLOG_XACTS_PER_PAGE}. */
  public static final int XACTS_PER_PAGE = Page.SIZE_BYTES * 4;

  /** {@code MULTIXACT_OFFSETS_PER_PAGE}. */
  public static final int OFFSETS_PER_PAGE = Page.SIZE_BYTES / 4;

  private static final int MEMBERS_PER_GROUP = 4;
  private static final int GROUP_BYTES = 20;
  private static final int GROUPS_PER_PAGE = Page.SIZE_BYTES / GROUP_BYTES;

  /** {@code MULTIXACT_MEMBERS_PER_PAGE}. */
  public static final int MEMBERS_PER_PAGE = GROUPS_PER_PAGE * MEMBERS_PER_GROUP;

  private SlruPages() {}

  /** The page of the commit log, counted from its beginning, that holds a transaction. */
  public static int xactPage(int xid) {
    return Integer.divideUnsigned(xid, XACTS_PER_PAGE);
  }

  /** The page of multixact offsets that holds a multixact. */
  public static int offsetPage(int multixact) {
    return Integer.divideUnsigned(multixact, OFFSETS_PER_PAGE);
  }

  /** The page of multixact members that holds the member at that offset. */
  public static int memberPage(int memberOffset) {
    return Integer.divideUnsigned(memberOffset, MEMBERS_PER_PAGE);
  }

  public static int xactStatus(byte[] page, int xid) {
    return (page[xactByte(xid)] >> xactShift(xid)) & 3;
  }

  static void setXactStatus(byte[] page, int xid, int status) {
    int at = xactByte(xid);
    int shift = xactShift(xid);
    int current = (page[at] >> shift) & 3;
    if (status == StoredValues.XACT_SUB_COMMITTED && current == StoredValues.XACT_COMMITTED) {
      return;
    }
    page[at] = (byte) ((page[at] & ~(3 << shift)) | (status << shift));
  }

  private static int xactByte(int xid) {
    return Integer.remainderUnsigned(xid, XACTS_PER_PAGE) / 4;
  }

  private static int xactShift(int xid) {
    return (xid & 3) * 2;
  }

  public static int memberOffset(byte[] page, int multixact) {
    return i32(page, Integer.remainderUnsigned(multixact, OFFSETS_PER_PAGE) * 4);
  }

  static void setMemberOffset(byte[] page, int multixact, int memberOffset) {
    putI32(page, Integer.remainderUnsigned(multixact, OFFSETS_PER_PAGE) * 4, memberOffset);
  }

  static void setMember(byte[] page, int memberOffset, int xid, int status) {
    int index = Integer.remainderUnsigned(memberOffset, MEMBERS_PER_PAGE);
    int group = index / MEMBERS_PER_GROUP * GROUP_BYTES;
    int inGroup = index % MEMBERS_PER_GROUP;
    page[group + inGroup] = (byte) status;
    putI32(page, group + MEMBERS_PER_GROUP + inGroup * 4, xid);
  }
}
