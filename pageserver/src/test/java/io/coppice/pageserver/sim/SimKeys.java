package io.coppice.pageserver.sim;

import io.coppice.common.id.RelationTag;
import io.coppice.common.key.Key;
import io.coppice.pageserver.query.Commit;
import io.coppice.pageserver.query.RelationState;
import io.coppice.pageserver.timeline.TimelineKeys;
import io.coppice.postgres.page.Page;
import io.coppice.postgres.redo.StoredValues;
import io.coppice.postgres.redo.ValueKind;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;
import java.util.random.RandomGenerator;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** The keys of simulated timelines, values to put there, and redo, written once more. */
final class SimKeys {
  private static final int XACTS_PER_PAGE = Page.SIZE_BYTES * 4;
  private static final int XACTS_MAX = 5;
  private static final int BLOCKS = 4;
  private static final int SLRU_SEGMENTS = 2;
  private static final int SLRU_BLOCKS = 3;
  private static final RelationTag TABLE = new RelationTag(1663, 5, 16384, 0);

  /** Pages of the commit log: records change them. */
  static final List<Key> LOG_PAGES =
      IntStream.range(0, SLRU_SEGMENTS * SLRU_BLOCKS)
          .mapToObj(i -> TimelineKeys.slruBlock(0, i / SLRU_BLOCKS, i % SLRU_BLOCKS))
          .toList();

  /** Blocks of a table: only images are put there. */
  static final List<Key> BLOCK_PAGES =
      IntStream.range(0, BLOCKS).mapToObj(i -> Key.relationBlock(TABLE, i)).toList();

  /** Values that are no pages and may be deleted, of which ranges are not listed. */
  static final List<Key> FILES =
      IntStream.range(1, 4).mapToObj(TimelineKeys::twoPhaseFile).toList();

  /** Values that are listed. */
  static final List<Key> ITEMS =
      Stream.concat(
              IntStream.range(0, 8).mapToObj(TimelineKeys::replicationOrigin),
              IntStream.range(1, 6).mapToObj(TimelineKeys::twoPhase))
          .toList();

  /** Never written after the import. */
  private static final List<Key> FIXED =
      List.of(
          Key.relationSize(TABLE),
          TimelineKeys.slruSegmentSize(0, 0),
          TimelineKeys.slruSegmentSize(0, 1),
          TimelineKeys.CONTROL_FILE,
          TimelineKeys.CHECKPOINT,
          TimelineKeys.relationExists(TABLE),
          TimelineKeys.database(TABLE.spcOid(), TABLE.dbOid()),
          TimelineKeys.slruSegment(0, 0),
          TimelineKeys.slruSegment(0, 1));

  /** All of them, in order. */
  static final List<Key> ALL =
      Stream.of(LOG_PAGES, BLOCK_PAGES, FILES, ITEMS, FIXED, List.of(TimelineKeys.COMMIT_INDEX))
          .flatMap(List::stream)
          .sorted()
          .toList();

  /** Those that are not listed. */
  static final List<Key> DENSE = ALL.stream().filter(key -> !key.isSparse()).toList();

  static final Key SPARSE_FROM = new Key(0x60, 0, 0, 0, 0, 0);
  static final Key SPARSE_TO = new Key(0x7F, 0, 0, 0, 0, 0);

  private SimKeys() {}

  /** What the import puts under a key. */
  static byte[] first(Key key, RandomGenerator random) {
    if (LOG_PAGES.contains(key)) {
      return new byte[1 + Page.SIZE_BYTES];
    }
    if (BLOCK_PAGES.contains(key)) {
      return page(random);
    }
    if (key.equals(Key.relationSize(TABLE))) {
      byte[] state = new byte[1 + RelationState.SIZE_BYTES];
      new RelationState(BLOCKS, BLOCKS, false, false).write(state, 1);
      return state;
    }
    if (key.field1() == LOG_PAGES.getFirst().field1()) {
      return number(SLRU_BLOCKS);
    }
    return new byte[] {0, 1};
  }

  private static byte[] number(int value) {
    return ByteBuffer.allocate(5).order(ByteOrder.LITTLE_ENDIAN).putInt(1, value).array();
  }

  /** What a record may put under a key of any but those that are fixed. */
  static byte[] next(Key key, RandomGenerator random) {
    if (LOG_PAGES.contains(key)) {
      return switch (random.nextInt(12)) {
        case 0 -> new byte[] {(byte) ValueKind.ZERO_PAGE.code()};
        case 1 -> page(random);
        default -> xactStatus(random);
      };
    }
    if (BLOCK_PAGES.contains(key)) {
      return page(random);
    }
    if (random.nextInt(3) == 0) {
      return new byte[] {(byte) ValueKind.IMAGE.code()};
    }
    byte[] value = new byte[1 + 8 + random.nextInt(60)];
    random.nextBytes(value);
    value[0] = (byte) ValueKind.IMAGE.code();
    return value;
  }

  /** A commit, as the commit index keeps it. */
  static byte[] commit(Commit commit) {
    byte[] value = new byte[1 + Commit.SIZE_BYTES];
    commit.write(value, 1);
    return value;
  }

  private static byte[] page(RandomGenerator random) {
    ByteBuffer page = ByteBuffer.allocate(1 + Page.SIZE_BYTES);
    for (int i = 0; i < 8; i++) {
      page.putLong(1 + 8 * random.nextInt(Page.SIZE_BYTES / 8), random.nextLong());
    }
    return page.put(0, (byte) ValueKind.IMAGE.code()).array();
  }

  private static byte[] xactStatus(RandomGenerator random) {
    int xids = 1 + random.nextInt(XACTS_MAX);
    ByteBuffer value = ByteBuffer.allocate(2 + 4 * xids).order(ByteOrder.LITTLE_ENDIAN);
    value.put((byte) ValueKind.XACT_STATUS.code());
    value.put((byte) (StoredValues.XACT_COMMITTED + random.nextInt(2)));
    for (int i = 0; i < xids; i++) {
      value.putInt(random.nextInt(XACTS_PER_PAGE));
    }
    return value.array();
  }

  /** What is read after a value was stored over what was read before; null is nothing. */
  static byte @Nullable [] redo(byte @Nullable [] before, byte[] stored) {
    return switch (stored[0]) {
      case 0 -> stored.length == 1 ? null : Arrays.copyOfRange(stored, 1, stored.length);
      case 9 -> new byte[Page.SIZE_BYTES];
      default -> {
        if (before == null) {
          throw new IllegalStateException("a record changes a page that is not there");
        }
        byte[] page = before.clone();
        ByteBuffer value = ByteBuffer.wrap(stored).order(ByteOrder.LITTLE_ENDIAN).position(2);
        while (value.hasRemaining()) {
          int xid = value.getInt();
          int shift = xid % 4 * 2;
          int at = xid % XACTS_PER_PAGE / 4;
          page[at] = (byte) ((page[at] & ~(3 << shift)) | stored[1] << shift);
        }
        yield page;
      }
    };
  }
}
