package io.coppice.postgres.page;

import static io.coppice.postgres.bytes.LittleEndian.putU16;
import static io.coppice.postgres.bytes.LittleEndian.u16;

import io.coppice.common.error.StorageException;
import java.util.Arrays;

/**
 * The special space of a page of an SP-GiST index ({@code spgist_private.h}).
 *
 * <pre>
 *  0       2              4              6         8
 *  +-------+--------------+--------------+---------+
 *  | flags | redirections | placeholders | page id |   u16 each
 *  +-------+--------------+--------------+---------+
 * </pre>
 *
 * The metapage holds a magic u32, then which pages had room lately, for which Postgres logs
 * nothing.
 */
public final class SpgistPage {
  public static final int SPECIAL_BYTES = 8;

  /** {@code SPGIST_PAGE_ID}. */
  public static final int PAGE_ID = 0xFF82;

  public static final int META = 0x0001;
  public static final int LEAF = 0x0004;

  /** The page is of the tree of null values. */
  public static final int NULLS = 0x0008;

  private static final int SPECIAL_AT = Page.SIZE_BYTES - SPECIAL_BYTES;
  private static final int REDIRECTIONS_AT = SPECIAL_AT + 2;
  private static final int PLACEHOLDERS_AT = SPECIAL_AT + 4;
  private static final int PAGE_ID_AT = SPECIAL_AT + 6;
  private static final int LAST_USED_PAGES_AT = Page.HEADER_BYTES + 4;

  private SpgistPage() {}

  /** Whether the special space is that of an SP-GiST index. */
  public static boolean is(byte[] page) {
    return Page.special(page) == SPECIAL_AT && u16(page, PAGE_ID_AT) == PAGE_ID;
  }

  /** Refuses a page whose special space is not an SP-GiST index's. */
  public static void check(byte[] page) throws StorageException.Corrupt {
    if (!is(page)) {
      throw new StorageException.Corrupt(
          "not an SP-GiST page: special space at %d, page id 0x%04X"
              .formatted(Page.special(page), u16(page, PAGE_ID_AT)));
    }
  }

  /** An empty page with those flags. */
  public static void init(byte[] page, int flags) {
    Page.init(page, SPECIAL_BYTES);
    putU16(page, SPECIAL_AT, flags);
    putU16(page, PAGE_ID_AT, PAGE_ID);
  }

  public static int flags(byte[] page) {
    return u16(page, SPECIAL_AT);
  }

  public static int redirections(byte[] page) {
    return u16(page, REDIRECTIONS_AT);
  }

  public static void addRedirections(byte[] page, int count) {
    putU16(page, REDIRECTIONS_AT, redirections(page) + count);
  }

  public static int placeholders(byte[] page) {
    return u16(page, PLACEHOLDERS_AT);
  }

  public static void addPlaceholders(byte[] page, int count) {
    putU16(page, PLACEHOLDERS_AT, placeholders(page) + count);
  }

  /** Of a metapage, what is not logged. */
  static void clearLastUsedPages(byte[] page) {
    boolean isMeta = (flags(page) & META) != 0;
    if (isMeta && Page.lower(page) > LAST_USED_PAGES_AT) {
      Arrays.fill(page, LAST_USED_PAGES_AT, Page.lower(page), (byte) 0);
    }
  }
}
