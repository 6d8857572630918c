package io.coppice.pageserver.remote;

import java.time.Instant;
import java.util.Optional;

/**
 * What is set about the end of a branch.
 *
 * @param isProtected it is not deleted, replaced or ended before that is taken back
 * @param expiresAt when it ends by itself
 * @param expiredAt since when it has ended: it is not read or written any more, and is deleted
 *     after a grace period
 */
public record BranchTerm(
    boolean isProtected, Optional<Instant> expiresAt, Optional<Instant> expiredAt) {

  /** Nothing is set. */
  public static final BranchTerm OPEN = new BranchTerm(false, Optional.empty(), Optional.empty());

  public boolean isExpired() {
    return expiredAt.isPresent();
  }

  public BranchTerm withProtected(boolean newProtected) {
    return new BranchTerm(newProtected, expiresAt, expiredAt);
  }

  /** With another end, or none. */
  public BranchTerm withExpiresAt(Optional<Instant> newExpiresAt) {
    return new BranchTerm(isProtected, newExpiresAt, expiredAt);
  }

  /** Ended. */
  public BranchTerm withExpiredAt(Instant newExpiredAt) {
    return new BranchTerm(isProtected, expiresAt, Optional.of(newExpiredAt));
  }
}
