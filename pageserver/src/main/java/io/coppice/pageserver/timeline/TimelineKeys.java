package io.coppice.pageserver.timeline;

import io.coppice.common.id.RelationTag;
import io.coppice.common.key.Key;

/**
 * The keys of everything that is not a block or the size of a relation, which {@link Key} makes
 * itself.
 *
 * <pre>
 *  f1   what                          f2    f3        f4        f5        f6
 *  00   relation map file             spc   db        0         0         0
 *  00   block of a relation           spc   db        rel       fork      block
 *  00   size of a relation            spc   db        rel       fork      FFFFFFFF
 *  01   block of an SLRU              kind  1         segment   0         block in the segment
 *  01   size of an SLRU segment       kind  1         segment   0         FFFFFFFF
 *  02   file of a prepared            0     0         xid bits  xid bits  xid bits
 *       transaction                                   40..63    32..39    0..31
 *  03   pg_control                    0     0         0         0         0
 *  03   checkpoint                    0     0         0         0         1
 *  63   replication origin            0     0         0         0         origin id
 *  65   a relation exists             spc   db        rel       fork      1
 *  66   directory of a database       spc   db        0         0         0
 *  67   an SLRU segment exists        kind  0         segment   0         0
 *  68   a transaction is prepared     0     0         as in 02
 *  69   commit index                  0     0         0         0         0
 *  6A   tablespace                    spc   0         0         0         0
 * </pre>
 *
 * Those from 63 on are sparse: listings, one key for each item, in which an empty value says that
 * the item is gone. The commit index is one key with one version for each commit.
 */
public final class TimelineKeys {
  /** {@code pg_xact}: how transactions ended. */
  public static final int SLRU_TRANSACTION_STATUS = 0;

  /** {@code pg_multixact/members}. */
  public static final int SLRU_MULTIXACT_MEMBERS = 1;

  /** {@code pg_multixact/offsets}. */
  public static final int SLRU_MULTIXACT_OFFSETS = 2;

  /** Kinds of SLRU that are kept, numbered from zero. */
  public static final int SLRU_KINDS = 3;

  public static final Key CONTROL_FILE = new Key(0x03, 0, 0, 0, 0, 0);
  public static final Key CHECKPOINT = new Key(0x03, 0, 0, 0, 0, 1);
  public static final Key COMMIT_INDEX = new Key(0x69, 0, 0, 0, 0, 0);

  private static final int RELATION = 0x00;
  private static final int SLRU = 0x01;
  private static final int TWO_PHASE_FILE = 0x02;
  private static final int REPLICATION_ORIGIN = 0x63;
  private static final int RELATION_EXISTS = 0x65;
  private static final int DATABASE = 0x66;
  private static final int SLRU_SEGMENT = 0x67;
  private static final int TWO_PHASE = 0x68;
  private static final int TABLESPACE = 0x6A;
  private static final int SIZE = 0xFFFF_FFFF;

  private TimelineKeys() {}

  /** A half-open range of keys. */
  public record Range(Key from, Key toExclusive) {}

  /** The map of a database from catalogs to files; for the shared catalogs, database zero. */
  public static Key relationMap(int spcOid, int dbOid) {
    return new Key(RELATION, spcOid, dbOid, 0, 0, 0);
  }

  /** A page of an SLRU, by its number within its segment. */
  public static Key slruBlock(int kind, int segment, int blockInSegment) {
    return new Key(SLRU, kind, 1, segment, 0, blockInSegment);
  }

  /** The number of pages in an SLRU segment. */
  public static Key slruSegmentSize(int kind, int segment) {
    return new Key(SLRU, kind, 1, segment, 0, SIZE);
  }

  /** The state of a prepared transaction, without its CRC. */
  public static Key twoPhaseFile(long xid) {
    return ofXid(TWO_PHASE_FILE, xid);
  }

  /** How far a replication origin has come. */
  public static Key replicationOrigin(int originId) {
    return new Key(REPLICATION_ORIGIN, 0, 0, 0, 0, originId);
  }

  public static Range replicationOrigins() {
    return new Range(
        new Key(REPLICATION_ORIGIN, 0, 0, 0, 0, 0), new Key(REPLICATION_ORIGIN + 1, 0, 0, 0, 0, 0));
  }

  /** Listing of relation forks: this one is there. */
  public static Key relationExists(RelationTag tag) {
    return new Key(RELATION_EXISTS, tag.spcOid(), tag.dbOid(), tag.relNumber(), tag.fork(), 1);
  }

  /** All relation forks of a database in one tablespace. */
  public static Range relationsOf(int spcOid, int dbOid) {
    Key last = new Key(RELATION_EXISTS, spcOid, dbOid, -1, 0xFF, -1);
    return new Range(new Key(RELATION_EXISTS, spcOid, dbOid, 0, 0, 0), last.next());
  }

  /** The relation fork that a key of {@link #relationsOf} lists. */
  public static RelationTag listedRelation(Key key) {
    return key.relationTag();
  }

  /** Listing of database directories: a database has one in each tablespace it uses. */
  public static Key database(int spcOid, int dbOid) {
    return new Key(DATABASE, spcOid, dbOid, 0, 0, 0);
  }

  public static Range databases() {
    return new Range(new Key(DATABASE, 0, 0, 0, 0, 0), new Key(DATABASE + 1, 0, 0, 0, 0, 0));
  }

  /** The directories that databases have in one tablespace. */
  public static Range databasesIn(int spcOid) {
    Key last = new Key(DATABASE, spcOid, -1, 0xFF, -1, -1);
    return new Range(new Key(DATABASE, spcOid, 0, 0, 0, 0), last.next());
  }

  /** Listing of tablespaces; the two that every cluster has are not among them. */
  public static Key tablespace(int spcOid) {
    return new Key(TABLESPACE, spcOid, 0, 0, 0, 0);
  }

  public static Range tablespaces() {
    return new Range(new Key(TABLESPACE, 0, 0, 0, 0, 0), new Key(TABLESPACE + 1, 0, 0, 0, 0, 0));
  }

  /** Listing of SLRU segments. */
  public static Key slruSegment(int kind, int segment) {
    return new Key(SLRU_SEGMENT, kind, 0, segment, 0, 0);
  }

  /** All segments of one kind of SLRU. */
  public static Range slruSegments(int kind) {
    return new Range(
        new Key(SLRU_SEGMENT, kind, 0, 0, 0, 0), new Key(SLRU_SEGMENT, kind + 1, 0, 0, 0, 0));
  }

  /** The segment that a key of {@link #slruSegments} lists. */
  public static int listedSegment(Key key) {
    return key.field4();
  }

  /** Listing of prepared transactions. */
  public static Key twoPhase(long xid) {
    return ofXid(TWO_PHASE, xid);
  }

  public static Range twoPhases() {
    return new Range(new Key(TWO_PHASE, 0, 0, 0, 0, 0), new Key(TWO_PHASE + 1, 0, 0, 0, 0, 0));
  }

  /** The transaction that a key of {@link #twoPhases} lists. */
  public static long listedXid(Key key) {
    return (key.field4() & 0xFFFF_FFFFL) << 40
        | (key.field5() & 0xFFL) << 32
        | (key.field6() & 0xFFFF_FFFFL);
  }

  private static Key ofXid(int field1, long xid) {
    return new Key(field1, 0, 0, (int) (xid >>> 40), (int) (xid >>> 32) & 0xFF, (int) xid);
  }
}
