package io.coppice.pageserver.basebackup;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Fork;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.RelationTag;
import io.coppice.pageserver.query.RelationState;
import io.coppice.pageserver.query.TimelineReader;
import io.coppice.postgres.datadir.DataDirectoryLayout;
import io.coppice.postgres.page.FreeSpaceMap;
import io.coppice.postgres.page.HeapFreeSpace;
import io.coppice.postgres.page.PageChecksum;
import io.coppice.postgres.version.PostgresVersion;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/** Writes forks of relations into a backup, and free-space maps that nobody logged. */
final class RelationWriter {
  private static final int BLOCKS_PER_READ = 256;

  private final TimelineReader reader;
  private final Lsn lsn;
  private final DataDirectoryLayout layout;
  private final boolean checksums;
  private final TarWriter tar;
  private final List<Integer> batch = new ArrayList<>(BLOCKS_PER_READ);
  private final List<byte[]> pages = new ArrayList<>(BLOCKS_PER_READ);

  RelationWriter(
      TimelineReader reader,
      Lsn lsn,
      DataDirectoryLayout layout,
      boolean checksums,
      TarWriter tar) {
    this.reader = reader;
    this.lsn = lsn;
    this.layout = layout;
    this.checksums = checksums;
    this.tar = tar;
  }

  private long blocks(RelationTag tag) throws StorageException {
    return reader.relation(tag, lsn).map(RelationState::sizeBlocks).orElse(0L);
  }

  /** Writes a fork in segments of 1 GiB; an empty one is an empty file. */
  void write(RelationTag tag) throws StorageException, IOException {
    writeAs(tag, tag);
  }

  /** Writes a fork under the name of another. */
  void writeAs(RelationTag tag, RelationTag as) throws StorageException, IOException {
    writeFork(tag, as, blocks(tag), page -> {});
  }

  /** Writes a main fork, and if it is one of a heap, a map of the room on its pages. */
  void writeWithFreeSpaceMap(RelationTag tag) throws StorageException, IOException {
    long blocks = blocks(tag);
    HeapFreeSpace freeSpace = new HeapFreeSpace(blocks);
    writeFork(tag, tag, blocks, freeSpace::add);
    Optional<FreeSpaceMap> map = freeSpace.map();
    if (map.isPresent()) {
      writeMap(tag.withFork(Fork.FSM), map.get());
    }
  }

  private void writeFork(RelationTag tag, RelationTag as, long blocks, Consumer<byte[]> observer)
      throws StorageException, IOException {
    int segment = 0;
    long from = 0;
    do {
      long to = Math.min(blocks, from + PostgresVersion.PAGES_PER_RELATION_SEGMENT);
      tar.startFile(
          layout.relationPath(as, segment), (to - from) * PostgresVersion.PAGE_SIZE_BYTES);
      writeBlocks(tag, from, to, observer);
      tar.endFile();
      segment++;
      from = to;
    } while (from < blocks);
  }

  private void writeBlocks(RelationTag tag, long fromBlock, long toBlock, Consumer<byte[]> observer)
      throws StorageException, IOException {
    for (long from = fromBlock; from < toBlock; from += BLOCKS_PER_READ) {
      batch.clear();
      pages.clear();
      for (long block = from; block < Math.min(toBlock, from + BLOCKS_PER_READ); block++) {
        batch.add((int) block);
      }
      reader.readPages(tag, batch, lsn, (index, page) -> pages.add(page));
      for (int i = 0; i < pages.size(); i++) {
        observer.accept(pages.get(i));
        writePage(pages.get(i), batch.get(i));
      }
    }
  }

  /** The map of the largest heap that has one is far smaller than a segment. */
  private void writeMap(RelationTag tag, FreeSpaceMap map) throws IOException {
    tar.startFile(
        layout.relationPath(tag, 0), (long) map.pages() * PostgresVersion.PAGE_SIZE_BYTES);
    for (int block = 0; block < map.pages(); block++) {
      writePage(map.page(block), block);
    }
    tar.endFile();
  }

  private void writePage(byte[] page, int block) throws IOException {
    if (checksums) {
      PageChecksum.set(page, block);
    }
    tar.write(page);
  }
}
