package io.coppice.common.id;

/**
 * One fork of one relation on disk: tablespace, database and relation file number, as in Postgres's
 * {@code RelFileNode} (15 and earlier) and {@code RelFileLocator} (from 16), and the fork.
 *
 * @param spcOid tablespace; {@link #DEFAULT_TABLESPACE_OID} or {@link #GLOBAL_TABLESPACE_OID}
 *     unless the user made one
 * @param dbOid database; zero for relations shared by all databases
 * @param relNumber relation file number, not the relation's OID
 * @param fork {@link Fork#number()} of the fork
 */
public record RelationTag(int spcOid, int dbOid, int relNumber, int fork) {
  public static final int DEFAULT_TABLESPACE_OID = 1663;
  public static final int GLOBAL_TABLESPACE_OID = 1664;

  /** The same relation, another fork. */
  public RelationTag withFork(Fork other) {
    return new RelationTag(spcOid, dbOid, relNumber, other.number());
  }

  @Override
  public String toString() {
    String text =
        "%s/%s/%s"
            .formatted(
                Integer.toUnsignedString(spcOid),
                Integer.toUnsignedString(dbOid),
                Integer.toUnsignedString(relNumber));
    return fork == Fork.MAIN.number() ? text : text + "_" + Fork.of(fork).suffix();
  }
}
