package io.coppice.pageserver.query;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Fork;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.RelationTag;
import io.coppice.common.key.Key;
import io.coppice.pageserver.timeline.PageConsumer;
import io.coppice.pageserver.timeline.Timeline;
import io.coppice.pageserver.timeline.TimelineKeys;
import io.coppice.postgres.control.ControlFile;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Reads of one timeline with the rules that the layers do not know: ends of relations, pages never
 * written, listings. Thread safe. The LSN of every method must be readable now.
 */
public final class TimelineReader {
  /** Bytes in a page. */
  public static final int PAGE_SIZE_BYTES = 8_192;

  /** Pages in a whole SLRU segment. */
  public static final int SLRU_PAGES_PER_SEGMENT = 32;

  private static final VarHandle INT =
      MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);

  private final Timeline timeline;
  private final RelationSizes sizes;
  private volatile @Nullable Boolean checksums;

  public TimelineReader(Timeline timeline) {
    this.timeline = timeline;
    this.sizes = new RelationSizes(timeline);
  }

  /** Takes the pages that were asked for, in that order. */
  @FunctionalInterface
  public interface PageSink {
    /**
     * One page.
     *
     * @param index position in the request
     * @param page 8192 bytes, the consumer's to keep; may be shared if it is all zeros
     */
    void accept(int index, byte[] page) throws StorageException;
  }

  public Timeline timeline() {
    return timeline;
  }

  /** What ingest tells of changed relations. */
  public RelationSizes sizes() {
    return sizes;
  }

  /**
   * The blocks of a fork; empty if the fork does not exist. A free-space map or visibility map that
   * was never made counts as empty rather than missing, because Postgres makes them when it likes.
   */
  public Optional<RelationState> relation(RelationTag tag, Lsn lsn) throws StorageException {
    Optional<RelationState> state = sizes.find(tag, lsn);
    if (state.isEmpty() && (tag.fork() == Fork.FSM.number() || tag.fork() == Fork.VM.number())) {
      return Optional.of(RelationState.ofSize(0));
    }
    return state;
  }

  /**
   * Reads pages of a fork. A block past its end is a page of zeros.
   *
   * @param blocks unsigned; at most {@link Timeline#BATCH_KEYS_MAX}
   * @throws StorageException.NotFound if the fork does not exist
   */
  public void readPages(RelationTag tag, List<Integer> blocks, Lsn lsn, PageSink out)
      throws StorageException {
    readPages(tag, blocks, lsn, timeline::getPages, out);
  }

  /**
   * As {@link #readPages}, through the page cache; pages have their checksums if the cluster has
   * them.
   *
   * @param buffers arrays for pages that the cache has; {@code out} may keep a page if these are
   *     new ones
   */
  public void readCachedPages(
      RelationTag tag, List<Integer> blocks, Lsn lsn, Supplier<byte[]> buffers, PageSink out)
      throws StorageException {
    boolean hasChecksums = hasChecksums();
    readPages(
        tag,
        blocks,
        lsn,
        (keys, at, pages) -> timeline.getCachedPages(keys, at, hasChecksums, buffers, pages),
        out);
  }

  /** One of the ways in which a timeline can be read. */
  @FunctionalInterface
  private interface Read {
    void pages(List<Key> keys, Lsn lsn, PageConsumer out) throws StorageException;
  }

  private void readPages(RelationTag tag, List<Integer> blocks, Lsn lsn, Read read, PageSink out)
      throws StorageException {
    RelationState state =
        relation(tag, lsn)
            .orElseThrow(() ->
                new StorageException.NotFound(
                    "relation %s does not exist at %s".formatted(tag, lsn)));
    List<Key> keys = new ArrayList<>(blocks.size());
    boolean allInside = true;
    for (int block : blocks) {
      if ((block & 0xFFFF_FFFFL) < state.sizeBlocks()) {
        keys.add(Key.relationBlock(tag, block));
      } else {
        allInside = false;
      }
    }
    if (allInside) {
      read.pages(
          keys, lsn, (index, key, page) -> out.accept(index, orZeros(page, state, key, lsn)));
      return;
    }
    byte[][] inside = new byte[keys.size()][];
    read.pages(keys, lsn, (index, key, page) -> inside[index] = orZeros(page, state, key, lsn));
    int next = 0;
    for (int i = 0; i < blocks.size(); i++) {
      boolean isInside = (blocks.get(i) & 0xFFFF_FFFFL) < state.sizeBlocks();
      out.accept(i, isInside ? inside[next++] : new byte[PAGE_SIZE_BYTES]);
    }
  }

  private static byte[] orZeros(byte @Nullable [] page, RelationState state, Key key, Lsn lsn)
      throws StorageException.Corrupt {
    if (page != null) {
      return page;
    }
    if (state.holes()) {
      return new byte[PAGE_SIZE_BYTES];
    }
    throw new StorageException.Corrupt(
        "block %s of relation %s is lost at %s: the relation has %d blocks, and nothing is stored"
            .formatted(
                Integer.toUnsignedString(key.field6()),
                key.relationTag(),
                lsn,
                state.sizeBlocks()));
  }

  /** Whether the cluster's pages carry checksums, which initdb decides once and for all. */
  public boolean hasChecksums() throws StorageException {
    Boolean known = checksums;
    if (known == null) {
      byte[] file =
          timeline
              .get(TimelineKeys.CONTROL_FILE, timeline.lastRecordLsn())
              .orElseThrow(() ->
                  new StorageException.Corrupt(
                      "branch %s has no control file".formatted(timeline.name())));
      known = ControlFile.read(file).hasDataChecksums();
      checksums = known;
    }
    return known;
  }

  /** The number of pages in an SLRU segment; empty if it does not exist. */
  public Optional<Integer> slruSegmentPages(int kind, int segment, Lsn lsn)
      throws StorageException {
    Optional<byte[]> value = timeline.get(TimelineKeys.slruSegmentSize(kind, segment), lsn);
    return value.isEmpty() ? Optional.empty() : Optional.of(readCount(value.get()));
  }

  private static int readCount(byte[] value) throws StorageException.Corrupt {
    int pages = value.length == Integer.BYTES ? (int) INT.get(value, 0) : -1;
    if (pages < 0 || pages > SLRU_PAGES_PER_SEGMENT) {
      throw new StorageException.Corrupt(
          "the size of an SLRU segment does not read: %d bytes, %d pages"
              .formatted(value.length, pages));
    }
    return pages;
  }

  /** The size of an SLRU segment as it is stored. */
  public static byte[] encodeSlruSegmentPages(int pages) {
    byte[] bytes = new byte[Integer.BYTES];
    INT.set(bytes, 0, pages);
    return bytes;
  }

  /** Reads {@link #encodeSlruSegmentPages}. */
  public static int decodeSlruSegmentPages(byte[] value) throws StorageException.Corrupt {
    return readCount(value);
  }

  /**
   * A whole SLRU segment.
   *
   * @throws StorageException.NotFound if it does not exist
   */
  public byte[] slruSegment(int kind, int segment, Lsn lsn) throws StorageException {
    int pages =
        slruSegmentPages(kind, segment, lsn)
            .orElseThrow(() ->
                new StorageException.NotFound(
                    "SLRU %d has no segment %04X at %s".formatted(kind, segment, lsn)));
    List<Key> keys = new ArrayList<>(pages);
    for (int block = 0; block < pages; block++) {
      keys.add(TimelineKeys.slruBlock(kind, segment, block));
    }
    byte[] bytes = new byte[pages * PAGE_SIZE_BYTES];
    timeline.getPages(
        keys,
        lsn,
        (index, key, page) -> {
          if (page == null) {
            throw new StorageException.Corrupt(
                "page %d of SLRU %d segment %04X is lost at %s"
                    .formatted(index, kind, segment, lsn));
          }
          System.arraycopy(page, 0, bytes, index * PAGE_SIZE_BYTES, PAGE_SIZE_BYTES);
        });
    return bytes;
  }

  /** Segments of an SLRU, in order. */
  public List<Integer> slruSegments(int kind, Lsn lsn) throws StorageException {
    List<Integer> segments = new ArrayList<>();
    scan(
        TimelineKeys.slruSegments(kind), lsn, key -> segments.add(TimelineKeys.listedSegment(key)));
    return segments;
  }

  /** Tablespaces that somebody made, in key order. */
  public List<Integer> tablespaces(Lsn lsn) throws StorageException {
    List<Integer> found = new ArrayList<>();
    scan(TimelineKeys.tablespaces(), lsn, key -> found.add(key.field2()));
    return found;
  }

  /** Directories of databases, as tablespace and database. */
  public List<DatabaseDirectory> databases(Lsn lsn) throws StorageException {
    List<DatabaseDirectory> found = new ArrayList<>();
    scan(
        TimelineKeys.databases(),
        lsn,
        key -> found.add(new DatabaseDirectory(key.field2(), key.field3())));
    return found;
  }

  /**
   * The directory that a database has in a tablespace.
   *
   * @param dbOid zero for the shared relations
   */
  public record DatabaseDirectory(int spcOid, int dbOid) {}

  /** The relation forks of a database in a tablespace, in key order. */
  public List<RelationTag> relations(DatabaseDirectory database, Lsn lsn) throws StorageException {
    List<RelationTag> found = new ArrayList<>();
    scan(
        TimelineKeys.relationsOf(database.spcOid(), database.dbOid()),
        lsn,
        key -> found.add(TimelineKeys.listedRelation(key)));
    return found;
  }

  /** Ids of prepared transactions, in order. */
  public List<Long> preparedTransactions(Lsn lsn) throws StorageException {
    List<Long> found = new ArrayList<>();
    scan(TimelineKeys.twoPhases(), lsn, key -> found.add(TimelineKeys.listedXid(key)));
    return found;
  }

  @FunctionalInterface
  private interface KeyAction {
    void accept(Key key);
  }

  private void scan(TimelineKeys.Range range, Lsn lsn, KeyAction action) throws StorageException {
    timeline.scan(
        range.from(),
        range.toExclusive(),
        lsn,
        (key, value) -> {
          action.accept(key);
          return true;
        });
  }

  /**
   * Bytes of all forks of all relations.
   *
   * @param isOver asked before each relation; ends it without an answer
   */
  public OptionalLong sizeBytes(Lsn lsn, BooleanSupplier isOver) throws StorageException {
    long blocks = 0;
    for (DatabaseDirectory directory : databases(lsn)) {
      for (RelationTag tag : relations(directory, lsn)) {
        if (isOver.getAsBoolean()) {
          return OptionalLong.empty();
        }
        blocks += sizeBlocks(tag, lsn);
      }
    }
    return OptionalLong.of(blocks * PAGE_SIZE_BYTES);
  }

  private long sizeBlocks(RelationTag tag, Lsn lsn) throws StorageException {
    return sizes.find(tag, lsn).map(RelationState::sizeBlocks).orElse(0L);
  }

  /**
   * Bytes of all forks of a database's relations, in all tablespaces.
   *
   * @param dbOid zero for the shared relations
   * @throws StorageException.NotFound if the database has no directory
   */
  public long databaseSizeBytes(int dbOid, Lsn lsn) throws StorageException {
    boolean found = false;
    long blocks = 0;
    for (DatabaseDirectory directory : databases(lsn)) {
      if (directory.dbOid() == dbOid) {
        found = true;
        for (RelationTag tag : relations(directory, lsn)) {
          blocks += sizeBlocks(tag, lsn);
        }
      }
    }
    if (!found) {
      throw new StorageException.NotFound(
          "database %s does not exist at %s".formatted(Integer.toUnsignedString(dbOid), lsn));
    }
    return blocks * PAGE_SIZE_BYTES;
  }
}
