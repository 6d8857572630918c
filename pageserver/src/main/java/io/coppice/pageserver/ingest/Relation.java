package io.coppice.pageserver.ingest;

import io.coppice.common.id.RelationTag;
import io.coppice.common.key.Key;
import io.coppice.pageserver.query.RelationState;

/** What ingest remembers of one fork of one relation; also remembered of those not there. */
final class Relation {
  final int spc;
  final int db;
  final int relNumber;
  final int fork;

  boolean exists;
  boolean holes;
  long sizeBlocks;

  /** {@link RelationState#everBlocks}. */
  long everBlocks;

  /** Size that the record at hand makes it grow to; the present size unless it grows. */
  long grownToBlocks;

  Relation(int spc, int db, int relNumber, int fork) {
    this.spc = spc;
    this.db = db;
    this.relNumber = relNumber;
    this.fork = fork;
  }

  boolean is(int otherSpc, int otherDb, int otherRelNumber, int otherFork) {
    return relNumber == otherRelNumber && db == otherDb && spc == otherSpc && fork == otherFork;
  }

  void set(RelationState state) {
    exists = !state.dropped();
    holes = state.holes();
    sizeBlocks = state.sizeBlocks();
    everBlocks = state.everBlocks();
    grownToBlocks = sizeBlocks;
  }

  RelationState state() {
    return new RelationState(sizeBlocks, everBlocks, !exists, holes);
  }

  RelationTag tag() {
    return new RelationTag(spc, db, relNumber, fork);
  }

  Key blockKey(long block) {
    return new Key(0, spc, db, relNumber, fork, (int) block);
  }

  Key sizeKey() {
    return Key.relationSize(tag());
  }

  /** Hash of the four numbers. */
  static int hash(int spc, int db, int relNumber, int fork) {
    int mixed = ((relNumber * 31 + db) * 31 + spc) * 4 + fork;
    mixed *= 0x9E37_79B1;
    return mixed ^ mixed >>> 15;
  }
}
