package io.coppice.pageserver.query;

import static io.coppice.pageserver.query.TimelineReader.PAGE_SIZE_BYTES;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.RelationTag;
import io.coppice.common.key.Key;
import io.coppice.pageserver.timeline.ChangedKeys;
import io.coppice.pageserver.timeline.Divergence;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * What differs between two states of a tenant, relation by relation, in time proportional to what
 * was written to either since they parted.
 *
 * <p>Blocks that were written since are read in both states and compared as they are, but for the
 * page's LSN and checksum, which say when and where it was written and not what. So a block that
 * was written and is the same again does not count; one in which only hint bits differ does, if
 * they came with WAL. What is no relation, such as transaction status, is not looked at.
 */
public final class BranchDiff {
  private static final int BATCH_BLOCKS = 128;

  /** Page header: pd_lsn, 8 bytes, then pd_checksum, 2 bytes (bufpage.h). */
  private static final int COMPARED_FROM = 10;

  private static final Key FIRST = new Key(0x00, 0, 0, 0, 0, 0);
  private static final Key BEHIND = new Key(0x01, 0, 0, 0, 0, 0);

  /** A branch as of an LSN, up to which it is flushed. */
  public record State(TimelineReader reader, Lsn lsn) {}

  /**
   * A fork of a relation that is not the same.
   *
   * @param blocksA its size in the first state; empty if it does not exist there
   * @param differingBlocks blocks that are in both and differ, or are in one only
   */
  public record Relation(
      RelationTag tag, Optional<Long> blocksA, Optional<Long> blocksB, long differingBlocks) {}

  /** Takes what differs, in order of the relations' numbers. */
  @FunctionalInterface
  public interface Sink {
    void accept(Relation relation) throws StorageException;
  }

  private BranchDiff() {}

  /** Where the two part. */
  public static Divergence divergence(State a, State b) throws StorageException {
    return Divergence.of(a.reader().timeline(), a.lsn(), b.reader().timeline(), b.lsn());
  }

  /** Tells all relations that differ. Blocks. */
  public static void compare(State a, State b, Divergence divergence, Sink out)
      throws StorageException {
    Comparison comparison = null;
    try (ChangedKeys keys = ChangedKeys.open(divergence.spans(), FIRST, BEHIND)) {
      for (Key key = keys.next(); key != null; key = keys.next()) {
        if (key.field4() == 0) {
          // The map of a database from catalogs to files.
          continue;
        }
        if (comparison == null || !comparison.tag.equals(key.relationTag())) {
          if (comparison != null) {
            comparison.finish(out);
          }
          comparison = new Comparison(a, b, key.relationTag());
        }
        comparison.add(key);
      }
    }
    if (comparison != null) {
      comparison.finish(out);
    }
  }

  /** One relation's fork, of which one key after the other is found to have been written. */
  private static final class Comparison {
    final RelationTag tag;
    private final State a;
    private final State b;
    private final Optional<Long> blocksA;
    private final Optional<Long> blocksB;
    private final long inBoth;
    private final List<Integer> blocks = new ArrayList<>();
    private long differing;

    Comparison(State a, State b, RelationTag tag) throws StorageException {
      this.tag = tag;
      this.a = a;
      this.b = b;
      blocksA = size(a);
      blocksB = size(b);
      inBoth = Math.min(blocksA.orElse(0L), blocksB.orElse(0L));
      differing = Math.max(blocksA.orElse(0L), blocksB.orElse(0L)) - inBoth;
    }

    private Optional<Long> size(State state) throws StorageException {
      return state.reader().sizes().find(tag, state.lsn()).map(RelationState::sizeBlocks);
    }

    void add(Key key) throws StorageException {
      if (key.isRelationBlock() && Integer.toUnsignedLong(key.field6()) < inBoth) {
        blocks.add(key.field6());
        if (blocks.size() == BATCH_BLOCKS) {
          compareBlocks();
        }
      }
    }

    private void compareBlocks() throws StorageException {
      byte[][] pagesA = read(a);
      byte[][] pagesB = read(b);
      for (int i = 0; i < pagesA.length; i++) {
        boolean isSame =
            Arrays.equals(
                pagesA[i],
                COMPARED_FROM,
                PAGE_SIZE_BYTES,
                pagesB[i],
                COMPARED_FROM,
                PAGE_SIZE_BYTES);
        differing += isSame ? 0 : 1;
      }
      blocks.clear();
    }

    private byte[][] read(State state) throws StorageException {
      byte[][] pages = new byte[blocks.size()][];
      state.reader().readPages(tag, blocks, state.lsn(), (index, page) -> pages[index] = page);
      return pages;
    }

    void finish(Sink out) throws StorageException {
      if (!blocks.isEmpty()) {
        compareBlocks();
      }
      if (differing > 0 || blocksA.isPresent() != blocksB.isPresent()) {
        out.accept(new Relation(tag, blocksA, blocksB, differing));
      }
    }
  }
}
