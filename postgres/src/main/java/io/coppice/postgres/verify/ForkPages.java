package io.coppice.postgres.verify;

import io.coppice.postgres.page.Page;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Pages of one fork that are not those of the base any more. Not thread safe. */
final class ForkPages {
  /** Chunks, and not one array: a record may name any block, up to 2^32. */
  private static final int CHUNK_PAGES = 128;

  private final Map<Integer, byte[] @Nullable []> chunks = new HashMap<>();

  /** Blocks from this number on, unsigned, are no longer those of the base. */
  private int baseBlocks = -1;

  byte @Nullable [] get(int block) {
    byte @Nullable [] @Nullable [] chunk = chunks.get(Integer.divideUnsigned(block, CHUNK_PAGES));
    return chunk == null ? null : chunk[Integer.remainderUnsigned(block, CHUNK_PAGES)];
  }

  void put(int block, byte[] page) {
    byte @Nullable [] @Nullable [] chunk =
        chunks.computeIfAbsent(
            Integer.divideUnsigned(block, CHUNK_PAGES), _ -> new byte[CHUNK_PAGES][]);
    chunk[Integer.remainderUnsigned(block, CHUNK_PAGES)] = page;
  }

  boolean isInBase(int block) {
    return Integer.compareUnsigned(block, baseBlocks) < 0;
  }

  /** No more than so many blocks are left. */
  void truncate(int blocks) {
    int first = Integer.divideUnsigned(blocks, CHUNK_PAGES);
    chunks.keySet().removeIf(chunk -> Integer.compareUnsigned(chunk, first) > 0);
    byte @Nullable [] @Nullable [] cut = chunks.get(first);
    if (cut != null) {
      for (int i = Integer.remainderUnsigned(blocks, CHUNK_PAGES); i < CHUNK_PAGES; i++) {
        cut[i] = null;
      }
    }
    if (isInBase(blocks)) {
      baseBlocks = blocks;
    }
  }

  /** The same pages, to be changed apart from these. */
  ForkPages copy() {
    ForkPages copy = new ForkPages();
    copy.baseBlocks = baseBlocks;
    forEach((block, page) -> copy.put(block, page.clone()));
    return copy;
  }

  /** Is shown pages. */
  interface Visitor {
    void visit(int block, byte[] page);
  }

  void forEach(Visitor visitor) {
    chunks.forEach((number, chunk) -> {
      for (int i = 0; i < CHUNK_PAGES; i++) {
        byte[] page = chunk[i];
        if (page != null) {
          visitor.visit(number * CHUNK_PAGES + i, page);
        }
      }
    });
  }

  /** A new page of zeros. */
  byte[] add(int block) {
    byte[] page = new byte[Page.SIZE_BYTES];
    put(block, page);
    return page;
  }
}
