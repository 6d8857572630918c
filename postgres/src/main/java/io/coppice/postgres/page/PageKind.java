package io.coppice.postgres.page;

import io.coppice.common.id.Fork;

/** What a page of a relation's file holds, as far as comparing two such pages goes. */
public enum PageKind {
  HEAP,
  BTREE,
  HASH,
  GIN,
  GIST,
  SPGIST,
  BRIN,
  /** An index of an extension's kind. */
  OTHER_INDEX,
  SEQUENCE,
  VISIBILITY_MAP,
  /** Not logged by Postgres: two servers with the same data may differ in it. */
  FREE_SPACE_MAP;

  /** {@code BTREE_AM_OID} and the like ({@code pg_am.dat}). */
  private static final int BTREE_ACCESS_METHOD_OID = 403;

  private static final int HASH_ACCESS_METHOD_OID = 405;
  private static final int GIN_ACCESS_METHOD_OID = 2742;
  private static final int GIST_ACCESS_METHOD_OID = 783;
  private static final int BRIN_ACCESS_METHOD_OID = 3580;
  private static final int SPGIST_ACCESS_METHOD_OID = 4000;

  /**
   * The kind of the pages of a relation's fork.
   *
   * @param relkind of its row in {@code pg_class}: {@code r}, {@code i}, {@code S}, ...
   * @param accessMethodOid {@code relam} of that row
   * @throws IllegalArgumentException if relations of that kind have no pages
   */
  public static PageKind of(char relkind, int accessMethodOid, Fork fork) {
    return switch (fork) {
      case VM -> VISIBILITY_MAP;
      case FSM -> FREE_SPACE_MAP;
      case MAIN, INIT ->
          switch (relkind) {
            case 'r', 't', 'm' -> HEAP;
            case 'S' -> SEQUENCE;
            case 'i' -> ofIndex(accessMethodOid);
            default ->
                throw new IllegalArgumentException(
                    "relations of relkind '%s' have no pages".formatted(relkind));
          };
    };
  }

  private static PageKind ofIndex(int accessMethodOid) {
    return switch (accessMethodOid) {
      case BTREE_ACCESS_METHOD_OID -> BTREE;
      case HASH_ACCESS_METHOD_OID -> HASH;
      case GIN_ACCESS_METHOD_OID -> GIN;
      case GIST_ACCESS_METHOD_OID -> GIST;
      case SPGIST_ACCESS_METHOD_OID -> SPGIST;
      case BRIN_ACCESS_METHOD_OID -> BRIN;
      default -> OTHER_INDEX;
    };
  }
}
