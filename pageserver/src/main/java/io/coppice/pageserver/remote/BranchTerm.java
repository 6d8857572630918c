package io.coppice.pageserver.remote;

import io.coppice.common.error.StorageException;
import java.time.Instant;
import java.util.Optional;

/**
 * What is set about the life of a branch.
 *
 * @param isProtected it is not deleted, replaced or ended before that is taken back
 * @param expiresAt when it ends by itself
 * @param expiredAt since when it has ended: it is not read or written any more, and is deleted
 *     after a grace period
 * @param archivedAt since when it is put away: it is not read or written before that is taken back
 */
public record BranchTerm(
    boolean isProtected,
    Optional<Instant> expiresAt,
    Optional<Instant> expiredAt,
    Optional<Instant> archivedAt) {

  /** Nothing is set. */
  public static final BranchTerm OPEN = new BranchTerm(false, Optional.empty(), Optional.empty());

  /** Of a branch that is not archived. */
  public BranchTerm(boolean isProtected, Optional<Instant> expiresAt, Optional<Instant> expiredAt) {
    this(isProtected, expiresAt, expiredAt, Optional.empty());
  }

  public boolean isExpired() {
    return expiredAt.isPresent();
  }

  public boolean isArchived() {
    return archivedAt.isPresent();
  }

  /**
   * Checks that a branch with this name may be used.
   *
   * @throws StorageException.Precondition if it has ended or is archived; says what helps
   */
  public void checkUsable(String name) throws StorageException.Precondition {
    if (isExpired()) {
      throw new StorageException.Precondition(
          ("branch \"%s\" has expired at %s and is to be deleted;"
                  + " `coppice branch recover %s` brings it back")
              .formatted(name, expiredAt.orElseThrow(), name));
    }
    if (isArchived()) {
      throw new StorageException.Precondition(
          "branch \"%s\" is archived; `coppice branch unarchive %s` brings it back"
              .formatted(name, name));
    }
  }

  public BranchTerm withProtected(boolean newProtected) {
    return new BranchTerm(newProtected, expiresAt, expiredAt, archivedAt);
  }

  /** With another end, or none. */
  public BranchTerm withExpiresAt(Optional<Instant> newExpiresAt) {
    return new BranchTerm(isProtected, newExpiresAt, expiredAt, archivedAt);
  }

  /** Ended. */
  public BranchTerm withExpiredAt(Instant newExpiredAt) {
    return new BranchTerm(isProtected, expiresAt, Optional.of(newExpiredAt), archivedAt);
  }

  /** Not ended, and without an end. */
  public BranchTerm recovered() {
    return new BranchTerm(isProtected, Optional.empty(), Optional.empty(), archivedAt);
  }

  /** Archived since then, or not. */
  public BranchTerm withArchivedAt(Optional<Instant> newArchivedAt) {
    return new BranchTerm(isProtected, expiresAt, expiredAt, newArchivedAt);
  }
}
