package io.coppice.safekeeper.wal;

import static io.coppice.safekeeper.wal.BlockChecksum.BLOCK_SIZE_BYTES;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.postgres.version.PostgresVersion;
import io.coppice.postgres.wal.WalDecoder;
import io.coppice.postgres.wal.WalRecord;
import io.coppice.safekeeper.consensus.TimelineProperties;
import java.io.IOException;
import java.util.Arrays;
import java.util.Optional;

/**
 * Finds where the valid WAL in the segment files of a timeline ends, and tells a torn tail, which a
 * crash leaves, from damage.
 *
 * <pre>
 *   from (committed)                 known                end
 *   |---------------------------------|--------------------|000000000
 *    some block has a checksum that says: whole records
 *    up to here were durable
 * </pre>
 *
 * <p>A block that has a checksum must agree with it. Blocks without one, whose checksum was not
 * synced when power was lost, are vouched for by the CRCs of their records; but records must then
 * reach as far as any checksum knows of. If they end before that, something in between is damaged,
 * and the rest must not be cut off: it was acknowledged.
 */
final class WalScan {

  /** What is there. */
  static final class Found {
    private final Lsn firstBlock;
    private final int[] crcs;
    private final Lsn end;
    private final byte[] tail;

    private Found(Lsn firstBlock, int[] crcs, Lsn end, byte[] tail) {
      this.firstBlock = firstBlock;
      this.crcs = crcs;
      this.end = end;
      this.tail = tail;
    }

    /** The one that holds where the scan began. */
    Lsn firstBlock() {
      return firstBlock;
    }

    /** Of the blocks from that one on that are there, up to {@link #end} or more. */
    int[] crcs() {
      return crcs;
    }

    /** Of the last whole record. */
    Lsn end() {
      return end;
    }

    /** The block that holds the end. */
    byte[] tail() {
      return tail;
    }
  }

  private final WalSegments segments;
  private final TimelineProperties properties;
  private final Lsn from;
  private final WalDecoder decoder;
  private final WalRecord record = new WalRecord();

  private boolean ended;
  private Lsn known;
  private int[] crcs = new int[BlockReader.BATCH_BLOCKS];
  private int crcCount;

  private WalScan(WalSegments segments, TimelineProperties properties, Lsn from)
      throws StorageException.Unsupported {
    this.segments = segments;
    this.properties = properties;
    this.from = from;
    this.known = from;
    this.decoder =
        WalDecoder.ofFiles(
            PostgresVersion.ofMajor(properties.postgresMajor()),
            properties.walSegmentSizeBytes(),
            from);
    decoder.expectSystemId(properties.systemId());
  }

  /**
   * Looks from a record boundary on.
   *
   * @param from WAL below it is taken to be there
   * @throws StorageException.Corrupt if a segment is not what it should be, or WAL that was durable
   *     is damaged
   */
  static Found find(WalSegments segments, TimelineProperties properties, Lsn from)
      throws StorageException, IOException {
    return new WalScan(segments, properties, from).run();
  }

  private Found run() throws StorageException.Corrupt, IOException {
    try (BlockReader blocks = new BlockReader(segments, new LogShare())) {
      long number = segments.numberOf(from);
      int first = segments.offsetIn(from) / BLOCK_SIZE_BYTES;
      while (segments.exists(number)) {
        scanSegment(blocks, number, first);
        number++;
        first = 0;
      }
      Lsn end = decoder.position();
      if (end.isBefore(known)) {
        throw new StorageException.Corrupt(
            "WAL in %s ends at %s, but was durable up to %s: there is damage in between"
                .formatted(segments.path(segments.numberOf(end)), end, known));
      }
      byte[] tail = tailOf(blocks, end);
      return new Found(BlockChecksum.blockOf(from), Arrays.copyOf(crcs, crcCount), end, tail);
    }
  }

  private void scanSegment(BlockReader blocks, long number, int first)
      throws StorageException.Corrupt, IOException {
    for (int block = first; block < segments.blocks(); block += BlockReader.BATCH_BLOCKS) {
      int count = Math.min(BlockReader.BATCH_BLOCKS, segments.blocks() - block);
      blocks.load(number, block, count);
      for (int i = 0; i < count; i++) {
        scanBlock(blocks, i);
      }
    }
  }

  private void scanBlock(BlockReader blocks, int i) throws StorageException.Corrupt {
    Lsn block = blocks.block(i);
    int skipped = (int) Math.max(0, from.minus(block));
    if (skipped > 0 && from.isAfter(properties.startLsn())) {
      blocks.check(i, skipped);
    }
    Optional<BlockChecksum> checksum = blocks.checked(i);
    if (checksum.isPresent() && checksum.get().wholeBytes() > 0) {
      known = Lsn.max(known, block.plus(checksum.get().wholeBytes()));
    }
    if (ended) {
      return;
    }
    if (crcCount == crcs.length) {
      crcs = Arrays.copyOf(crcs, 2 * crcCount);
    }
    int offset = i * BLOCK_SIZE_BYTES;
    crcs[crcCount++] = BlockChecksum.crcOf(block, blocks.bytes(), offset, BLOCK_SIZE_BYTES);
    decoder.feed(blocks.bytes(), offset + skipped, BLOCK_SIZE_BYTES - skipped);
    ended = !readAll();
  }

  /** Whether the log may go on behind what was fed. */
  private boolean readAll() {
    try {
      while (decoder.next(record)) {
        // only the positions matter
      }
      return !decoder.atEndOfWal();
    } catch (StorageException tornRecord) {
      return false;
    }
  }

  /** Reads the last block again, which must be as it was. */
  private byte[] tailOf(BlockReader blocks, Lsn end) throws StorageException.Corrupt, IOException {
    Lsn block = BlockChecksum.blockOf(end);
    byte[] tail = new byte[BLOCK_SIZE_BYTES];
    int index = (int) (block.minus(BlockChecksum.blockOf(from)) / BLOCK_SIZE_BYTES);
    if (end.equals(block) || index >= crcCount) {
      return tail;
    }
    blocks.load(segments.numberOf(block), segments.offsetIn(block) / BLOCK_SIZE_BYTES, 1);
    System.arraycopy(blocks.bytes(), 0, tail, 0, BLOCK_SIZE_BYTES);
    if (BlockChecksum.crcOf(block, tail, 0, BLOCK_SIZE_BYTES) != crcs[index]) {
      throw new StorageException.Corrupt(
          "%s, offset %d: read twice, it is not the same"
              .formatted(segments.path(segments.numberOf(block)), segments.offsetIn(block)));
    }
    return tail;
  }
}
