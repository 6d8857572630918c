package io.coppice.pageserver.importer;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Fork;
import io.coppice.common.id.RelationTag;
import io.coppice.common.key.Key;
import io.coppice.pageserver.query.RelationState;
import io.coppice.pageserver.query.TimelineReader;
import io.coppice.pageserver.timeline.ImageImport;
import io.coppice.pageserver.timeline.TimelineKeys;
import io.coppice.postgres.bytes.LittleEndian;
import io.coppice.postgres.control.ControlFile;
import io.coppice.postgres.datadir.DataDirectoryLayout;
import io.coppice.postgres.datadir.DataFile;
import io.coppice.postgres.datadir.RelationMap;
import io.coppice.postgres.datadir.SlruKind;
import io.coppice.postgres.datadir.TwoPhaseFile;
import io.coppice.postgres.page.Page;
import io.coppice.postgres.page.PageChecksum;
import io.coppice.postgres.redo.ByteSink;
import io.coppice.postgres.redo.StoredValues;
import io.coppice.postgres.version.PostgresVersion;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Comparator;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Puts the files of a data directory as images, in key order. */
final class ImageLoader {
  private static final Logger log = LoggerFactory.getLogger(ImageLoader.class);

  private static final byte[] PRESENT = {1};

  /** A buffer of half a region of the heap, or more, would be a large object to the collector. */
  private static final int READ_BYTES = 1 << 16;

  private static final String ORIGINS_PATH = "pg_logical/replorigin_checkpoint";

  /** {@code REPLICATION_STATE_MAGIC}. */
  private static final int ORIGINS_MAGIC = 0x1257DADE;

  private static final int ORIGIN_BYTES = 16;

  private final ControlFile control;
  private final TarSpool.Spooled spooled;
  private final ImageImport images;
  private final ByteSink scratch = new ByteSink();

  /** What is to be put, by the first of its keys. */
  private final NavigableMap<Key, Item> items = new TreeMap<>();

  private long keys;

  ImageLoader(ControlFile control, TarSpool.Spooled spooled, ImageImport images) {
    this.control = control;
    this.spooled = spooled;
    this.images = images;
  }

  @FunctionalInterface
  private interface Item {
    void put() throws StorageException, IOException;
  }

  /** Puts everything; the number of keys. */
  long load() throws StorageException, IOException {
    DataDirectoryLayout layout = DataDirectoryLayout.of(control);
    Map<RelationTag, NavigableMap<Integer, Path>> relations =
        new TreeMap<>(Comparator.comparing(tag -> Key.relationBlock(tag, 0)));
    spooled.directories().forEach(path -> addTablespace(layout, path));
    for (Map.Entry<String, Path> file : spooled.files().entrySet()) {
      addTablespace(layout, file.getKey());
      Path path = file.getValue();
      switch (layout.classify(file.getKey())) {
        case DataFile.RelationSegment(RelationTag tag, int segment) ->
            relations.computeIfAbsent(tag, _ -> new TreeMap<>()).put(segment, path);
        case DataFile.RelationMapFile(int spcOid, int dbOid) -> addMap(spcOid, dbOid, path);
        case DataFile.SlruSegment(SlruKind kind, int segment) -> addSlru(kind, segment, path);
        case DataFile.TwoPhaseState(long xid) -> addTwoPhase(xid, path);
        case DataFile.ReplicationState(String name) -> {
          if (name.equals(ORIGINS_PATH)) {
            addReplicationOrigins(path);
          }
        }
        case DataFile.Unknown(String name) ->
            log.warn("not imported, because no Postgres makes such a file: {}", name);
        case DataFile.Control _,
            DataFile.VersionFile _,
            DataFile.Wal _,
            DataFile.Configuration _,
            DataFile.Statistics _,
            DataFile.Disposable _ -> {}
      }
    }
    addRelations(relations);
    items.put(TimelineKeys.CONTROL_FILE, () -> put(TimelineKeys.CONTROL_FILE, control.toBytes()));
    items.put(
        TimelineKeys.CHECKPOINT,
        () -> put(TimelineKeys.CHECKPOINT, control.checkPoint().toBytes(control.version())));
    for (Item item : items.values()) {
      item.put();
    }
    return keys;
  }

  /** One in which no database has anything may be known by its directory only. */
  private void addTablespace(DataDirectoryLayout layout, String path) {
    layout.tablespaceOf(path).ifPresent(tablespace -> present(TimelineKeys.tablespace(tablespace)));
  }

  private void addMap(int spcOid, int dbOid, Path path) {
    Key map = TimelineKeys.relationMap(spcOid, dbOid);
    items.put(
        map,
        () -> {
          byte[] bytes = Files.readAllBytes(path);
          RelationMap.read(control.version(), bytes);
          put(map, bytes);
        });
    present(TimelineKeys.database(spcOid, dbOid));
  }

  /** Commit times are not kept: a server that tracks them starts anew. */
  private void addSlru(SlruKind kind, int segment, Path path) {
    if (kind != SlruKind.COMMIT_TS) {
      Key first = TimelineKeys.slruBlock(kind.number(), segment, 0);
      items.put(first, () -> putSlruSegment(kind.number(), segment, path));
      present(TimelineKeys.slruSegment(kind.number(), segment));
    }
  }

  /** Keys have the lower 32 bits, which are all that records have of the id. */
  private void addTwoPhase(long fullXid, Path path) {
    long xid = fullXid & 0xFFFF_FFFFL;
    Key key = TimelineKeys.twoPhaseFile(xid);
    items.put(key, () -> put(key, TwoPhaseFile.decode(Files.readAllBytes(path))));
    present(TimelineKeys.twoPhase(xid));
  }

  private void present(Key key) {
    items.put(key, () -> put(key, PRESENT));
  }

  private void put(Key key, byte[] value) throws StorageException {
    put(key, value, 0, value.length);
  }

  private void put(Key key, byte[] value, int offset, int length) throws StorageException {
    StoredValues.encodeImage(scratch, value, offset, length);
    images.put(key, scratch.bytes(), 0, scratch.length());
    keys++;
  }

  /**
   * All forks that are logged. Of an unlogged relation, which is one that has an init fork, the
   * others are not: a server makes them anew of it.
   */
  private void addRelations(Map<RelationTag, NavigableMap<Integer, Path>> relations) {
    relations.forEach((tag, segments) -> {
      if (tag.fork() == Fork.INIT.number() || !relations.containsKey(tag.withFork(Fork.INIT))) {
        items.put(Key.relationBlock(tag, 0), () -> putRelation(tag, segments));
        present(TimelineKeys.relationExists(tag));
        present(TimelineKeys.database(tag.spcOid(), tag.dbOid()));
      }
    });
  }

  private void putRelation(RelationTag tag, NavigableMap<Integer, Path> segments)
      throws StorageException, IOException {
    long blocks = 0;
    for (Map.Entry<Integer, Path> segment : segments.entrySet()) {
      long expectedStart = (long) segment.getKey() * PostgresVersion.PAGES_PER_RELATION_SEGMENT;
      if (blocks != expectedStart) {
        throw new StorageException.Corrupt(
            "relation %s has %d blocks before its segment %d, not %d"
                .formatted(tag, blocks, segment.getKey(), expectedStart));
      }
      blocks += putRelationSegment(tag, blocks, segment.getValue());
    }
    put(Key.relationSize(tag), RelationState.ofSize(blocks).toBytes());
  }

  private long putRelationSegment(RelationTag tag, long firstBlock, Path file)
      throws StorageException, IOException {
    long block = firstBlock;
    byte[] page = new byte[Page.SIZE_BYTES];
    try (InputStream in = new BufferedInputStream(Files.newInputStream(file), READ_BYTES)) {
      for (int count = in.readNBytes(page, 0, page.length);
          count > 0;
          count = in.readNBytes(page, 0, page.length)) {
        if (count < page.length) {
          throw new StorageException.Corrupt(
              "relation %s ends within block %d".formatted(tag, block));
        }
        checkChecksum(tag, page, (int) block);
        put(Key.relationBlock(tag, (int) block), page);
        block++;
      }
    }
    return block - firstBlock;
  }

  private void checkChecksum(RelationTag tag, byte[] page, int block)
      throws StorageException.Corrupt {
    if (!control.hasDataChecksums() || Page.isNew(page)) {
      return;
    }
    int expected = PageChecksum.checksum(page, block);
    if (Page.checksum(page) != expected) {
      throw new StorageException.Corrupt(
          "block %s of relation %s has checksum %04x; its bytes make %04x"
              .formatted(Integer.toUnsignedString(block), tag, Page.checksum(page), expected));
    }
  }

  private void putSlruSegment(int kind, int segment, Path file)
      throws StorageException, IOException {
    byte[] bytes = Files.readAllBytes(file);
    int pages = bytes.length / Page.SIZE_BYTES;
    if (bytes.length % Page.SIZE_BYTES != 0 || pages > TimelineReader.SLRU_PAGES_PER_SEGMENT) {
      throw new StorageException.Corrupt(
          "segment %04X of SLRU %d has %d bytes".formatted(segment, kind, bytes.length));
    }
    for (int block = 0; block < pages; block++) {
      put(
          TimelineKeys.slruBlock(kind, segment, block),
          bytes,
          block * Page.SIZE_BYTES,
          Page.SIZE_BYTES);
    }
    put(TimelineKeys.slruSegmentSize(kind, segment), TimelineReader.encodeSlruSegmentPages(pages));
  }

  private void addReplicationOrigins(Path file) throws StorageException, IOException {
    byte[] bytes = TwoPhaseFile.decode(Files.readAllBytes(file)); // It ends in a CRC just so.
    if (bytes.length < Integer.BYTES || LittleEndian.i32(bytes, 0) != ORIGINS_MAGIC) {
      throw new StorageException.Corrupt("pg_logical/replorigin_checkpoint does not read");
    }
    for (int at = Integer.BYTES; at + ORIGIN_BYTES <= bytes.length; at += ORIGIN_BYTES) {
      Key key = TimelineKeys.replicationOrigin(LittleEndian.u16(bytes, at));
      byte[] lsn = Arrays.copyOfRange(bytes, at + Long.BYTES, at + ORIGIN_BYTES);
      items.put(key, () -> put(key, lsn));
    }
  }
}
