package io.coppice.postgres.verify;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.RelationTag;
import io.coppice.postgres.page.Page;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The cluster's pages while WAL is replayed: those that changed, in memory, over the ones it began
 * with. What WAL does to whole files (create, cut, copy a database) is done here.
 */
final class ReplayedPages {
  private record DatabaseId(int spcOid, int dbOid) {}

  private final BasePages base;
  private final Map<RelationTag, ForkPages> forks = new HashMap<>();

  /** Databases whose files were copied from another, and which that was in the base. */
  private final Map<DatabaseId, DatabaseId> copiedFrom = new HashMap<>();

  ReplayedPages(BasePages base) {
    this.base = base;
  }

  private ForkPages fork(RelationTag fork) {
    return forks.computeIfAbsent(fork, _ -> new ForkPages());
  }

  /** The page, to be changed in place; null if there is no such block. */
  byte @Nullable [] find(RelationTag fork, int block) throws StorageException {
    ForkPages pages = fork(fork);
    byte[] page = pages.get(block);
    if (page == null && pages.isInBase(block)) {
      page = new byte[Page.SIZE_BYTES];
      if (!base.read(inBase(fork), block, page)) {
        return null;
      }
      pages.put(block, page);
    }
    return page;
  }

  /** The page, to be changed in place; of zeros if there was no such block. */
  byte[] findOrAdd(RelationTag fork, int block) throws StorageException {
    byte[] page = find(fork, block);
    return page == null ? fork(fork).add(block) : page;
  }

  /** The page, to be made anew in place, whatever it was. */
  byte[] toReplace(RelationTag fork, int block) {
    ForkPages pages = fork(fork);
    byte[] page = pages.get(block);
    return page == null ? pages.add(block) : page;
  }

  private RelationTag inBase(RelationTag fork) {
    if (copiedFrom.isEmpty()) {
      return fork;
    }
    DatabaseId source = copiedFrom.get(new DatabaseId(fork.spcOid(), fork.dbOid()));
    return source == null
        ? fork
        : new RelationTag(source.spcOid, source.dbOid, fork.relNumber(), fork.fork());
  }

  /** The fork has no more than so many blocks now. */
  void truncate(RelationTag fork, int blocks) {
    fork(fork).truncate(blocks);
  }

  /** All files of a database are copied to another. */
  void copyDatabase(int spcOid, int dbOid, int fromSpcOid, int fromDbOid) {
    DatabaseId from = new DatabaseId(fromSpcOid, fromDbOid);
    Map<RelationTag, ForkPages> copies = new HashMap<>();
    forks.forEach((fork, pages) -> {
      if (fork.spcOid() == fromSpcOid && fork.dbOid() == fromDbOid) {
        copies.put(new RelationTag(spcOid, dbOid, fork.relNumber(), fork.fork()), pages.copy());
      }
    });
    forks.putAll(copies);
    copiedFrom.put(new DatabaseId(spcOid, dbOid), copiedFrom.getOrDefault(from, from));
  }

  /** Every page that was read or changed. */
  void forEach(PageVisitor visitor) {
    forks.forEach(
        (fork, pages) -> pages.forEach((block, page) -> visitor.visit(fork, block, page)));
  }
}
