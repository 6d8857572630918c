package io.coppice.pageserver.ingest;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.RelationTag;
import io.coppice.common.key.Key;
import io.coppice.pageserver.timeline.TimelineKeys;
import io.coppice.postgres.record.DatabaseRecord;
import io.coppice.postgres.record.RelmapUpdate;
import io.coppice.postgres.record.TablespaceRecord;
import io.coppice.postgres.wal.WalRecord;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** Databases and tablespaces that come and go, and the maps of databases' catalogs. */
final class DatabaseIngest {
  private static final int BLOCKS_PER_COPY = 64;

  private static final byte[] PRESENT = {1};

  private final PublishedPages pages;
  private final ValueSink sink;
  private final Relations relations;

  DatabaseIngest(PublishedPages pages, ValueSink sink, Relations relations) {
    this.pages = pages;
    this.sink = sink;
    this.relations = relations;
  }

  void ingest(WalRecord record) throws StorageException {
    switch (DatabaseRecord.parse(record)) {
      case DatabaseRecord.CreateByCopy copy -> copy(copy);
      case DatabaseRecord.CreateByLog(int databaseOid, int tablespaceOid) ->
          relations.listDirectory(tablespaceOid, databaseOid);
      case DatabaseRecord.Drop(int databaseOid, List<Integer> tablespaceOids) -> {
        for (int tablespaceOid : tablespaceOids) {
          drop(tablespaceOid, databaseOid);
        }
      }
    }
  }

  void tablespace(WalRecord record) throws StorageException {
    switch (TablespaceRecord.parse(record)) {
      case TablespaceRecord.Create(int tablespaceOid, String _) ->
          sink.putImage(TimelineKeys.tablespace(tablespaceOid), PRESENT);
      case TablespaceRecord.Drop(int tablespaceOid) -> {
        // The server saw that it is empty; its databases' directories go with it.
        for (int databaseOid : databasesIn(tablespaceOid)) {
          drop(tablespaceOid, databaseOid);
        }
        sink.delete(TimelineKeys.tablespace(tablespaceOid));
      }
    }
  }

  private List<Integer> databasesIn(int spc) throws StorageException {
    List<Integer> databases = new ArrayList<>();
    scan(TimelineKeys.databasesIn(spc), key -> databases.add(key.field3()));
    return databases;
  }

  void relationMap(WalRecord record) throws StorageException {
    RelmapUpdate update = RelmapUpdate.parse(record);
    relations.listDirectory(update.tablespaceOid(), update.databaseOid());
    sink.putImage(
        TimelineKeys.relationMap(update.tablespaceOid(), update.databaseOid()), update.map());
  }

  private List<RelationTag> listed(int spc, int db) throws StorageException {
    List<RelationTag> tags = new ArrayList<>();
    scan(TimelineKeys.relationsOf(spc, db), key -> tags.add(TimelineKeys.listedRelation(key)));
    return tags;
  }

  private void scan(TimelineKeys.Range range, Consumer<Key> action) throws StorageException {
    sink.scan(
        range,
        (key, value) -> {
          action.accept(key);
          return true;
        });
  }

  private void drop(int spc, int db) throws StorageException {
    for (RelationTag tag : listed(spc, db)) {
      relations.drop(relations.find(tag));
    }
    sink.delete(TimelineKeys.relationMap(spc, db));
    relations.unlistDirectory(spc, db);
  }

  /**
   * The log holds no pages of such a database: they are read from the source as of the record
   * before. Nobody can have changed the source meanwhile, the server saw to that.
   */
  private void copy(DatabaseRecord.CreateByCopy copy) throws StorageException {
    int spc = copy.tablespaceOid();
    int db = copy.databaseOid();
    relations.listDirectory(spc, db);
    Optional<byte[]> map =
        sink.latest(TimelineKeys.relationMap(copy.sourceTablespaceOid(), copy.sourceDatabaseOid()));
    if (map.isPresent()) {
      sink.putImage(TimelineKeys.relationMap(spc, db), map.get());
    }
    for (RelationTag source : listed(copy.sourceTablespaceOid(), copy.sourceDatabaseOid())) {
      copyRelation(
          relations.find(source), relations.find(spc, db, source.relNumber(), source.fork()));
    }
  }

  private void copyRelation(Relation source, Relation target) throws StorageException {
    List<Key> keys = new ArrayList<>(BLOCKS_PER_COPY);
    for (long from = 0; from < source.sizeBlocks; from += BLOCKS_PER_COPY) {
      keys.clear();
      long to = Math.min(source.sizeBlocks, from + BLOCKS_PER_COPY);
      for (long block = from; block < to; block++) {
        keys.add(source.blockKey(block));
      }
      pages.read(keys, (index, key, page) -> putCopy(source, target, key, page));
    }
    relations.setSize(target, source.sizeBlocks);
  }

  private void putCopy(Relation source, Relation target, Key key, byte @Nullable [] page)
      throws StorageException {
    Key targetKey = target.blockKey(key.field6() & 0xFFFF_FFFFL);
    if (page == null && !source.holes) {
      throw new StorageException.Corrupt(
          "block %d of relation %s is lost, so its database cannot be copied"
              .formatted(key.field6() & 0xFFFF_FFFFL, source.tag()));
    }
    if (page == null || isZeros(page)) {
      sink.putZeroPage(targetKey);
    } else {
      sink.putImage(targetKey, page);
    }
  }

  private static boolean isZeros(byte[] page) {
    return Arrays.mismatch(page, new byte[page.length]) < 0;
  }
}
