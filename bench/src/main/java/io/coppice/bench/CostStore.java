package io.coppice.bench;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Fork;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.RelationTag;
import io.coppice.common.id.TenantId;
import io.coppice.common.id.TimelineId;
import io.coppice.common.key.Key;
import io.coppice.common.objectstore.LocalObjectStore;
import io.coppice.common.objectstore.ObjectStore;
import io.coppice.common.platform.Clock;
import io.coppice.common.platform.Ids;
import io.coppice.pageserver.tenant.BranchRequest;
import io.coppice.pageserver.tenant.RootImport;
import io.coppice.pageserver.tenant.TenantManager;
import io.coppice.pageserver.tenant.TenantManagerConfig;
import io.coppice.pageserver.timeline.ImageImport;
import io.coppice.pageserver.timeline.Timeline;
import io.coppice.pageserver.timeline.UpkeepLimits;
import io.coppice.postgres.page.Page;
import io.coppice.postgres.record.ResourceManager;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;

/**
 * A page server's storage in this process, with one table of made-up pages: half of each page does
 * not compress. Changes are records of the resource manager Generic, one row of 100 bytes each.
 */
final class CostStore implements AutoCloseable {
  static final TenantId TENANT = new TenantId(1, 1);
  private static final TimelineId ROOT = new TimelineId(1, 2);
  private static final RelationTag TABLE = new RelationTag(1663, 5, 16384, Fork.MAIN.number());

  /** Behind the header of its page, where a record can begin. */
  private static final Lsn START = new Lsn(0x1000028);

  private static final int ROW_BYTES = 100;
  private static final int RECORD_HEADER_BYTES = 16;
  private static final int PIECE_HEADER_BYTES = 4;
  private static final int VALUE_KIND_RECORD = 2;
  private static final int FORK_FLAG_HAS_DATA = 0x20;
  private static final int PAGE_HEADER_BYTES = 24;

  /** What a record of that size moves the LSN by. */
  private static final int RECORD_LSN_BYTES = 160;

  private static final long FLUSH_MILLIS = 600_000;
  private static final int UPKEEP_RUNS_MAX = 10_000;

  private final ObjectStore objects;
  private final TenantManager tenants;
  private final SplittableRandom random = new SplittableRandom(42);
  private int branches;

  /** Everything below the directory. */
  CostStore(Path directory, UpkeepLimits limits) throws StorageException {
    objects = LocalObjectStore.open(directory.resolve("objects"), Ids.secureRandom());
    tenants =
        TenantManager.open(
            TenantManagerConfig.defaults(directory.resolve("pageserver"))
                .with()
                .upkeep(limits)
                .build(),
            objects,
            Clock.SYSTEM);
  }

  /** A root branch with so many pages. */
  Timeline importPages(int pages) throws StorageException {
    RootImport root =
        new RootImport(TENANT, "costs", ROOT, "main", START, Lsn.INVALID, 15, 42, 16 << 20);
    byte[] value = new byte[1 + Page.SIZE_BYTES];
    try (ImageImport running = tenants.importRoot(root)) {
      for (int block = 0; block < pages; block++) {
        fillPage(value);
        running.put(key(block), value, 0, value.length);
      }
      return running.finish();
    }
  }

  private void fillPage(byte[] value) {
    byte[] noise = new byte[Page.SIZE_BYTES / 2];
    random.nextBytes(noise);
    System.arraycopy(noise, 0, value, value.length - noise.length, noise.length);
    Arrays.fill(value, 1, value.length - noise.length, (byte) 'x');
    ByteBuffer header = ByteBuffer.wrap(value).order(ByteOrder.LITTLE_ENDIAN);
    header.putLong(1, 0); // the LSN: older than every change
    // No space between lower and upper, which such records would clear.
    header.putShort(1 + 12, (short) PAGE_HEADER_BYTES);
    header.putShort(1 + 14, (short) PAGE_HEADER_BYTES);
  }

  static Key key(int block) {
    return Key.relationBlock(TABLE, block);
  }

  /** Changes each page of a range once, and writes what is in memory to a layer. */
  void changeAndFlush(Timeline timeline, int from, int to)
      throws StorageException, InterruptedException {
    for (int block = from; block < to; block++) {
      change(timeline, block);
    }
    timeline.flush(FLUSH_MILLIS);
  }

  /** Changes a page once. */
  void change(Timeline timeline, int block) throws StorageException {
    ByteBuffer value =
        ByteBuffer.allocate(RECORD_HEADER_BYTES + PIECE_HEADER_BYTES + ROW_BYTES)
            .order(ByteOrder.LITTLE_ENDIAN);
    byte[] row = new byte[ROW_BYTES];
    random.nextBytes(row);
    int offset =
        PAGE_HEADER_BYTES + random.nextInt(Page.SIZE_BYTES - PAGE_HEADER_BYTES - ROW_BYTES);
    value.put((byte) VALUE_KIND_RECORD).put((byte) ResourceManager.GENERIC);
    value.put((byte) 0).put((byte) 0).putInt(3).put((byte) FORK_FLAG_HAS_DATA).put((byte) 0);
    value.putShort((short) (PIECE_HEADER_BYTES + ROW_BYTES)).putInt(0);
    value.putShort((short) offset).putShort((short) ROW_BYTES).put(row);
    Lsn before = timeline.lastRecordLsn();
    Lsn end = before.plus(RECORD_LSN_BYTES);
    timeline.writer().put(key(block), end, value.array(), 0, value.position());
    timeline.writer().finishRecord(before, end);
  }

  /** A branch of another one, as that is now. */
  Timeline branch(Timeline parent) throws StorageException, InterruptedException {
    branches++;
    return tenants.createBranch(
        new BranchRequest(
            TENANT,
            new TimelineId(2, branches),
            "b" + branches,
            parent.id().timeline(),
            Optional.of(parent.lastRecordLsn()),
            0));
  }

  /** Does all compaction and image creation that is due. */
  static void finishUpkeep(Timeline timeline) throws StorageException {
    for (int runs = 0; timeline.isUpkeepDue(); runs++) {
      timeline.upkeep();
      StorageException failure = timeline.upkeepFailure();
      if (failure != null) {
        throw failure;
      }
      if (runs == UPKEEP_RUNS_MAX) {
        throw new StorageException.Transient("upkeep of %s does not end".formatted(timeline.id()));
      }
    }
  }

  /** Reads a page as of an LSN; how long that took. */
  static long readNanos(Timeline timeline, int block, Lsn lsn) throws StorageException {
    long start = Clock.SYSTEM.monotonicNanos();
    timeline.getPages(List.of(key(block)), lsn, CostStore::check);
    return Clock.SYSTEM.monotonicNanos() - start;
  }

  private static void check(int index, Key key, byte @Nullable [] page) throws StorageException {
    if (page == null || page.length != Page.SIZE_BYTES) {
      throw new StorageException.Corrupt("no page of %s at %d".formatted(key, index));
    }
  }

  @Override
  public void close() {
    tenants.close();
    objects.close();
  }
}
