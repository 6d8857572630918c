package io.coppice.postgres.verify;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.RelationTag;
import io.coppice.postgres.page.Page;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The cluster's pages while WAL is replayed: those that changed, in memory, over the ones it began
 * with. What WAL does to whole files (create, cut, copy a database) is done here.
 */
final class ReplayedPages {
  private record PageId(RelationTag fork, int block) {}

  private record DatabaseId(int spcOid, int dbOid) {}

  private final BasePages base;
  private final Map<PageId, byte[]> changed = new HashMap<>();

  /** Forks whose blocks from a number on are no longer those of the base. */
  private final Map<RelationTag, Integer> baseBlocks = new HashMap<>();

  /** Databases whose files were copied from another, and which that was in the base. */
  private final Map<DatabaseId, DatabaseId> copiedFrom = new HashMap<>();

  ReplayedPages(BasePages base) {
    this.base = base;
  }

  /** The page, to be changed in place; null if there is no such block. */
  byte @Nullable [] find(RelationTag fork, int block) throws StorageException {
    PageId id = new PageId(fork, block);
    byte[] page = changed.get(id);
    if (page == null && Integer.compareUnsigned(block, limit(fork)) < 0) {
      page = new byte[Page.SIZE_BYTES];
      if (!base.read(inBase(fork), block, page)) {
        return null;
      }
      changed.put(id, page);
    }
    return page;
  }

  /** The page, to be changed in place; of zeros if there was no such block. */
  byte[] findOrAdd(RelationTag fork, int block) throws StorageException {
    byte[] page = find(fork, block);
    return page == null ? toReplace(fork, block) : page;
  }

  /** The page, to be made anew in place, whatever it was. */
  byte[] toReplace(RelationTag fork, int block) {
    return changed.computeIfAbsent(new PageId(fork, block), id -> new byte[Page.SIZE_BYTES]);
  }

  private int limit(RelationTag fork) {
    return baseBlocks.getOrDefault(fork, -1);
  }

  private RelationTag inBase(RelationTag fork) {
    DatabaseId source = copiedFrom.get(new DatabaseId(fork.spcOid(), fork.dbOid()));
    return source == null
        ? fork
        : new RelationTag(source.spcOid, source.dbOid, fork.relNumber(), fork.fork());
  }

  /** The fork has no more than so many blocks now. */
  void truncate(RelationTag fork, int blocks) {
    changed
        .keySet()
        .removeIf(id -> id.fork.equals(fork) && Integer.compareUnsigned(id.block, blocks) >= 0);
    if (Integer.compareUnsigned(blocks, limit(fork)) < 0) {
      baseBlocks.put(fork, blocks);
    }
  }

  /** All files of a database are copied to another. */
  void copyDatabase(int spcOid, int dbOid, int fromSpcOid, int fromDbOid) {
    DatabaseId from = new DatabaseId(fromSpcOid, fromDbOid);
    List<Map.Entry<PageId, byte[]>> pages = new ArrayList<>();
    changed.forEach((id, page) -> {
      if (id.fork.spcOid() == fromSpcOid && id.fork.dbOid() == fromDbOid) {
        RelationTag to = new RelationTag(spcOid, dbOid, id.fork.relNumber(), id.fork.fork());
        pages.add(Map.entry(new PageId(to, id.block), page.clone()));
      }
    });
    pages.forEach(entry -> changed.put(entry.getKey(), entry.getValue()));
    Map<RelationTag, Integer> limits = new HashMap<>();
    baseBlocks.forEach((fork, blocks) -> {
      if (fork.spcOid() == fromSpcOid && fork.dbOid() == fromDbOid) {
        limits.put(new RelationTag(spcOid, dbOid, fork.relNumber(), fork.fork()), blocks);
      }
    });
    baseBlocks.putAll(limits);
    copiedFrom.put(new DatabaseId(spcOid, dbOid), copiedFrom.getOrDefault(from, from));
  }

  /** Every page that was read or changed. */
  void forEach(PageVisitor visitor) {
    changed.forEach((id, page) -> visitor.visit(id.fork, id.block, page));
  }
}
