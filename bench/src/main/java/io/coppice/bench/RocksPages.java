package io.coppice.bench;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.RelationTag;
import io.coppice.common.key.Key;
import io.coppice.pageserver.query.TimelineReader;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.IntStream;
import org.rocksdb.BlockBasedTableConfig;
import org.rocksdb.BloomFilter;
import org.rocksdb.CompressionType;
import org.rocksdb.EnvOptions;
import org.rocksdb.IngestExternalFileOptions;
import org.rocksdb.LRUCache;
import org.rocksdb.Options;
import org.rocksdb.ReadOptions;
import org.rocksdb.RocksDB;
import org.rocksdb.RocksDBException;
import org.rocksdb.SstFileWriter;

/** A RocksDB with the pages of a relation, in its block cache once they were read. */
final class RocksPages implements AutoCloseable {
  private static final int PAGE_SIZE_BYTES = 8192;
  private static final long BLOCK_CACHE_SIZE_BYTES = 2L << 30;
  private static final int BLOOM_BITS_PER_KEY = 10;
  private static final int BLOCK_SIZE_BYTES = 4 << 10;
  private static final int BATCH_BLOCKS = 256;

  private final RelationTag relation;
  private final LRUCache cache = new LRUCache(BLOCK_CACHE_SIZE_BYTES);
  private final BloomFilter bloomFilter = new BloomFilter(BLOOM_BITS_PER_KEY, false);
  private final Options options;
  private final ReadOptions reads = new ReadOptions();
  private final RocksDB db;
  private final byte[] keyBytes = new byte[Key.SIZE_BYTES];
  private final ByteBuffer key = ByteBuffer.allocateDirect(Key.SIZE_BYTES);
  private final ByteBuffer value = ByteBuffer.allocateDirect(PAGE_SIZE_BYTES);

  private RocksPages(RelationTag relation, Path directory) throws RocksDBException {
    this.relation = relation;
    options =
        new Options()
            .setCreateIfMissing(true)
            .setCompressionType(CompressionType.LZ4_COMPRESSION)
            .setTableFormatConfig(
                new BlockBasedTableConfig()
                    .setBlockSize(BLOCK_SIZE_BYTES)
                    .setBlockCache(cache)
                    .setFilterPolicy(bloomFilter));
    db = RocksDB.open(options, directory.toString());
  }

  /** Makes one of the pages as a reader gives them. */
  static RocksPages of(
      TimelineReader reader, RelationTag relation, int blocks, Lsn lsn, Path directory)
      throws StorageException, BenchFailure {
    try {
      RocksPages made = new RocksPages(relation, directory.resolve("rocksdb"));
      made.fill(reader, blocks, lsn, directory.resolve("pages.sst"));
      return made;
    } catch (RocksDBException e) {
      throw new BenchFailure("RocksDB: " + e.getMessage());
    }
  }

  private void fill(TimelineReader reader, int blocks, Lsn lsn, Path file)
      throws StorageException, RocksDBException {
    try (EnvOptions env = new EnvOptions();
        SstFileWriter writer = new SstFileWriter(env, options);
        IngestExternalFileOptions ingest = new IngestExternalFileOptions()) {
      writer.open(file.toString());
      byte[][] pages = new byte[BATCH_BLOCKS][];
      for (int from = 0; from < blocks; from += BATCH_BLOCKS) {
        int to = Math.min(blocks, from + BATCH_BLOCKS);
        List<Integer> batch = IntStream.range(from, to).boxed().toList();
        reader.readPages(relation, batch, lsn, (index, page) -> pages[index] = page);
        for (int block = from; block < to; block++) {
          Key.relationBlock(relation, block).write(keyBytes, 0);
          writer.put(keyBytes, pages[block - from]);
        }
      }
      writer.finish();
      db.ingestExternalFile(List.of(file.toString()), ingest);
    }
  }

  /** Reads a page. */
  void get(int block) throws BenchFailure {
    Key.relationBlock(relation, block).write(keyBytes, 0);
    key.clear().put(keyBytes).flip();
    value.clear();
    try {
      if (db.get(reads, key, value) != PAGE_SIZE_BYTES) {
        throw new BenchFailure("RocksDB has no block %d".formatted(block));
      }
    } catch (RocksDBException e) {
      throw new BenchFailure("RocksDB: " + e.getMessage());
    }
  }

  @Override
  public void close() {
    db.close();
    reads.close();
    options.close();
    bloomFilter.close();
    cache.close();
  }
}
