package io.coppice.compute.storage;

import io.coppice.common.id.Lsn;
import java.time.Instant;

/** Where in its parent's history a branch begins. */
public sealed interface BranchPoint {

  /** The parent's newest state. */
  record Newest() implements BranchPoint {}

  record AtLsn(Lsn lsn) implements BranchPoint {}

  /** The state after the last commit at or before a time. */
  record AtTime(Instant time) implements BranchPoint {}
}
