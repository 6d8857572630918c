package io.coppice.pageserver.tenant;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.common.platform.Clock;
import io.coppice.pageserver.remote.BranchTerm;
import io.coppice.pageserver.remote.RemoteStore;
import io.coppice.pageserver.remote.TimelineIndex;
import io.coppice.pageserver.timeline.Timeline;
import io.coppice.pageserver.timeline.TimelineEnvironment;
import java.time.Instant;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Changes to branches that are there: name, protection, end, and which timeline is behind a name.
 * What a call has changed is durable when it returns, and to call again changes nothing. Thread
 * safe; blocks.
 */
public final class BranchChanges {
  private static final Logger log = LoggerFactory.getLogger(BranchChanges.class);

  private final TenantStates tenants;
  private final Clock clock;
  private final Remedies remedies;
  private final BranchReplacement replacement;

  BranchChanges(
      TenantStates tenants,
      TimelineEnvironment environment,
      RemoteStore remote,
      Clock clock,
      Remedies remedies) {
    this.tenants = tenants;
    this.clock = clock;
    this.remedies = remedies;
    this.replacement = new BranchReplacement(tenants, environment, remote, clock, remedies);
  }

  /** For a deletion: the same index, unless it is protected. */
  static TimelineIndex refuseIfProtected(TimelineIndex index) throws StorageException {
    if (index.term().isProtected()) {
      throw new StorageException.Precondition(
          "branch \"%s\" is protected: `coppice branch unprotect %s` first"
              .formatted(index.name(), index.name()));
    }
    return index;
  }

  /**
   * Gives a branch another name.
   *
   * @throws StorageException.Conflict if another branch has it
   */
  public Timeline rename(TenantTimelineId id, String name) throws StorageException {
    Names.check(name);
    Timeline timeline =
        tenants.locked(() -> {
          TenantState state = tenants.get(id.tenant());
          Timeline found = state.get(id.timeline());
          if (!found.name().equals(name)) {
            found.checkUsable();
            state.checkFree(name);
            state.startRenaming(id.timeline(), name);
          }
          return found;
        });
    String before = timeline.name();
    if (before.equals(name)) {
      return timeline;
    }
    try {
      var _ = timeline.change(index -> index.with().name(name).build());
    } catch (StorageException e) {
      // The name is free once it is known that the store does not have it.
      var _ =
          remedies.apply(() -> {
            var _ = timeline.change(index -> index);
            cancel(id, name);
          });
      throw e;
    }
    tenants.locked(() -> {
      tenants.get(id.tenant()).finishRenaming(id.timeline(), before, name);
      return timeline;
    });
    log.info("renamed branch {} to {} ({})", before, name, id);
    return timeline;
  }

  private void cancel(TenantTimelineId id, String name) throws StorageException {
    tenants.locked(() -> {
      tenants.get(id.tenant()).cancelRenaming(id.timeline(), name);
      return name;
    });
  }

  /** Keeps a branch from being deleted, replaced or ended; or no longer. */
  public Timeline setProtected(TenantTimelineId id, boolean isProtected) throws StorageException {
    return setTerm(
        id,
        term -> {
          if (isProtected && term.expiresAt().isPresent()) {
            throw new StorageException.Precondition(
                "the branch is to end at %s: take that back before it is protected"
                    .formatted(term.expiresAt().get()));
          }
          return term.withProtected(isProtected);
        });
  }

  /**
   * Sets when a branch ends by itself, or that it does not.
   *
   * @throws StorageException.Precondition if it is protected, has expired, or is a root
   */
  public Timeline setExpiry(TenantTimelineId id, Optional<Instant> expiresAt)
      throws StorageException {
    checkExpiry(expiresAt, clock.now());
    if (expiresAt.isPresent()) {
      tenants.locked(() -> {
        TenantState state = tenants.get(id.tenant());
        if (id.timeline().equals(state.record().rootTimeline())) {
          throw new StorageException.Precondition(
              "branch \"%s\" is the root of its tenant and does not end"
                  .formatted(state.get(id.timeline()).name()));
        }
        return id;
      });
    }
    return setTerm(
        id,
        term -> {
          if (term.isProtected() && expiresAt.isPresent()) {
            throw new StorageException.Precondition("the branch is protected and does not end");
          }
          if (term.isExpired()) {
            throw new StorageException.Precondition("the branch has expired: recover it first");
          }
          return term.withExpiresAt(expiresAt);
        });
  }

  /** Brings an expired branch back, without an end; does nothing to another one. */
  public Timeline recover(TenantTimelineId id) throws StorageException {
    return setTerm(id, term -> term.isExpired() ? term.recovered() : term);
  }

  /**
   * Puts another timeline behind the name of a branch, with the state of an earlier moment or of
   * the parent; what was behind it keeps its own and gets another name. See {@link
   * ReplacementRequest}.
   *
   * @throws StorageException.Precondition if it is protected or has expired
   */
  public Timeline replace(ReplacementRequest request)
      throws StorageException, InterruptedException {
    return replacement.replace(request);
  }

  static void checkExpiry(Optional<Instant> expiresAt, Instant now)
      throws StorageException.Invalid {
    if (expiresAt.isPresent() && !expiresAt.get().isAfter(now)) {
      throw new StorageException.Invalid(
          "a branch cannot end at %s: here it is %s".formatted(expiresAt.get(), now));
    }
  }

  private interface TermStep {
    BranchTerm after(BranchTerm before) throws StorageException;
  }

  private Timeline setTerm(TenantTimelineId id, TermStep step) throws StorageException {
    Timeline timeline = tenants.locked(() -> tenants.get(id.tenant()).get(id.timeline()));
    BranchTerm before = timeline.term();
    BranchTerm after =
        timeline.change(index -> index.with().term(step.after(index.term())).build()).term();
    if (!after.equals(before)) {
      log.info("branch {} ({}): {}", timeline.name(), id, after);
    }
    return timeline;
  }
}
