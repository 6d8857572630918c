package io.coppice.compute.storage;

import io.coppice.common.id.Lsn;
import io.coppice.common.id.RelationTag;
import io.coppice.common.id.TimelineId;
import java.util.List;
import java.util.OptionalLong;

/**
 * What differs between the newest states of two branches.
 *
 * @param ancestor the newest timeline that both read from
 * @param forkLsn up to where they are the same
 */
public record BranchDifference(
    TimelineId ancestor,
    String ancestorName,
    Lsn forkLsn,
    Lsn lsnA,
    Lsn lsnB,
    List<Relation> relations) {

  /**
   * A relation's fork that is not the same.
   *
   * @param blocksA its size in the first branch; empty if it does not exist there
   * @param differingBlocks blocks that are in both and differ, or are in one only
   */
  public record Relation(
      RelationTag tag, OptionalLong blocksA, OptionalLong blocksB, long differingBlocks) {}

  /** Of all relations. */
  public long differingBlocks() {
    return relations.stream().mapToLong(Relation::differingBlocks).sum();
  }
}
