package io.coppice.pageserver.layer;

import io.coppice.common.key.Key;
import java.util.concurrent.atomic.AtomicLong;
import org.rocksdb.BlockBasedTableConfig;
import org.rocksdb.BloomFilter;
import org.rocksdb.Cache;
import org.rocksdb.ChecksumType;
import org.rocksdb.CompressionOptions;
import org.rocksdb.CompressionType;
import org.rocksdb.EnvOptions;
import org.rocksdb.LRUCache;
import org.rocksdb.Options;
import org.rocksdb.ReadOptions;
import org.rocksdb.RocksDB;

/**
 * How layer files are written and read: RocksDB's options, and the block cache that all layers
 * share. One for a process; closed after everything that was opened with it.
 *
 * <p>The choices, from measurements: seeks cost the same whatever the block size, restart interval
 * or index type, so options are chosen for size. Only the prefix bloom filter is used by iterators
 * of single files, hence none of whole keys. Deltas have 16 KiB blocks and a cache; an image's
 * block is one page, and the cache of the operating system does for it.
 *
 * <p>What is flushed is to be written fast and soon merged; what is merged is kept, and compressed
 * to little more than half of that.
 */
public final class LayerEnvironment implements AutoCloseable {
  private static final int DELTA_BLOCK_SIZE_BYTES = 16 << 10;
  private static final int IMAGE_BLOCK_SIZE_BYTES = 4 << 10;
  private static final int BLOOM_BITS_PER_KEY = 10;
  private static final int TABLE_FORMAT_VERSION = 6;
  private static final int ZSTD_LEVEL = 1;

  /** Below zero LZ4 looks at fewer places: a fifth less CPU time in a flush, files 5 % larger. */
  private static final int LZ4_LEVEL = -4;

  private static final int MERGE_READAHEAD_SIZE_BYTES = 1 << 20;

  static {
    RocksDB.loadLibrary();
  }

  private final ChunkPool chunks = new ChunkPool();
  private final AtomicLong residencyVersion = new AtomicLong();
  private final Cache blockCache;
  private final BloomFilter bloomFilter = new BloomFilter(BLOOM_BITS_PER_KEY, false);
  private final CompressionOptions zstd = new CompressionOptions().setLevel(ZSTD_LEVEL);
  private final CompressionOptions lz4 = new CompressionOptions().setLevel(LZ4_LEVEL);
  private final Options flushOptions;
  private final Options deltaOptions;
  private final Options imageOptions;
  private volatile long coarseMillis;
  private final EnvOptions envOptions = new EnvOptions();
  private final ReadOptions pointReads =
      new ReadOptions().setPrefixSameAsStart(true).setVerifyChecksums(true);
  private final ReadOptions rangeReads =
      new ReadOptions().setTotalOrderSeek(true).setVerifyChecksums(true);

  private final ReadOptions merges =
      new ReadOptions()
          .setTotalOrderSeek(true)
          .setVerifyChecksums(true)
          .setFillCache(false)
          .setReadaheadSize(MERGE_READAHEAD_SIZE_BYTES);

  /** An environment with a block cache of that size. */
  public LayerEnvironment(long blockCacheSizeBytes) {
    blockCache = new LRUCache(blockCacheSizeBytes);
    BlockBasedTableConfig deltas = tableConfig(DELTA_BLOCK_SIZE_BYTES).setBlockCache(blockCache);
    BlockBasedTableConfig images = tableConfig(IMAGE_BLOCK_SIZE_BYTES).setNoBlockCache(true);
    flushOptions = options(deltas, CompressionType.LZ4_COMPRESSION, lz4);
    deltaOptions = options(deltas, CompressionType.ZSTD_COMPRESSION, zstd);
    imageOptions = options(images, CompressionType.ZSTD_COMPRESSION, zstd);
  }

  private BlockBasedTableConfig tableConfig(int blockSizeBytes) {
    return new BlockBasedTableConfig()
        .setBlockSize(blockSizeBytes)
        .setFormatVersion(TABLE_FORMAT_VERSION)
        .setChecksumType(ChecksumType.kXXH3)
        .setFilterPolicy(bloomFilter)
        .setWholeKeyFiltering(false);
  }

  private static Options options(
      BlockBasedTableConfig table, CompressionType compression, CompressionOptions how) {
    return new Options()
        .setTableFormatConfig(table)
        .setCompressionType(compression)
        .setCompressionOptions(how)
        .useFixedLengthPrefixExtractor(Key.SIZE_BYTES);
  }

  /** The time, as it was when {@link #setCoarseMillis} was last called; costs nothing to ask. */
  long coarseMillis() {
    return coarseMillis;
  }

  /** Tells layers the time, now and then, so that they know when they were last used. */
  public void setCoarseMillis(long nowMillis) {
    coarseMillis = nowMillis;
    chunks.setNow(nowMillis);
  }

  /** Changes whenever a layer file comes to this machine or goes from it. */
  long residencyVersion() {
    return residencyVersion.get();
  }

  void residencyChanged() {
    residencyVersion.incrementAndGet();
  }

  /** Memory for open layers. */
  ChunkPool chunks() {
    return chunks;
  }

  /** To write a layer of that level; any of a kind will do to read one. */
  Options options(LayerKind kind, int level) {
    return switch (kind) {
      case DELTA -> level == 0 ? flushOptions : deltaOptions;
      case IMAGE -> imageOptions;
    };
  }

  EnvOptions envOptions() {
    return envOptions;
  }

  /** For iterators that stay within the versions of one key. */
  ReadOptions pointReads() {
    return pointReads;
  }

  /** For iterators over many keys. */
  ReadOptions rangeReads() {
    return rangeReads;
  }

  /** For iterators over a whole file, once. */
  ReadOptions merges() {
    return merges;
  }

  @Override
  public void close() {
    chunks.close();
    merges.close();
    rangeReads.close();
    pointReads.close();
    envOptions.close();
    imageOptions.close();
    deltaOptions.close();
    flushOptions.close();
    lz4.close();
    zstd.close();
    bloomFilter.close();
    blockCache.close();
  }
}
