package io.coppice.pageserver.gc;

import io.coppice.common.id.Lsn;
import java.util.Optional;

/**
 * From where on a timeline stays readable by itself, and why not from later on.
 *
 * @param reason what held it
 */
public record Cutoff(Lsn lsn, Reason reason) {

  /** What keeps history. */
  public enum Reason {
    /** The time for which every commit stays readable. */
    PITR,
    /** The newest WAL, of whatever time. */
    HORIZON,
    /** Somebody was promised that an LSN stays readable for a while. */
    LEASE,
    /** Nothing that is not in layer files may be the oldest. */
    FLUSH,
    /** After a start it is not known what was leased before. */
    START,
    /** Somebody has blocked it, with a reason of his own. */
    BLOCKED,
    /** The branch is archived, and left as it is. */
    ARCHIVED,
    /** Where the window of time begins could not be read. */
    FAILURE
  }

  /**
   * What counts for the cut-off of a timeline.
   *
   * @param readableFrom where it is; it never goes back
   * @param pitr the state at the beginning of the window of time; empty if there is none
   * @param lease the oldest that is leased
   */
  public record Inputs(
      Lsn readableFrom,
      Lsn startLsn,
      Lsn lastRecordLsn,
      Lsn diskConsistentLsn,
      Optional<Lsn> pitr,
      Optional<Lsn> lease) {}

  /** The newest cut-off that keeps all that must be kept. */
  public static Cutoff of(Inputs inputs, GcSettings settings) {
    Cutoff cutoff = new Cutoff(horizon(inputs, settings), Reason.HORIZON);
    cutoff = cutoff.heldAt(inputs.pitr, Reason.PITR);
    cutoff = cutoff.heldAt(Optional.of(inputs.diskConsistentLsn), Reason.FLUSH);
    cutoff = cutoff.heldAt(inputs.lease, Reason.LEASE);
    return new Cutoff(Lsn.max(inputs.readableFrom, cutoff.lsn), cutoff.reason);
  }

  /** Of a branch only its own WAL counts: what is before it, the ancestor keeps for itself. */
  private static Lsn horizon(Inputs inputs, GcSettings settings) {
    long own = inputs.lastRecordLsn.minus(inputs.startLsn);
    return own <= settings.horizonBytes()
        ? inputs.startLsn
        : inputs.lastRecordLsn.plus(-settings.horizonBytes());
  }

  private Cutoff heldAt(Optional<Lsn> limit, Reason why) {
    return limit.isPresent() && limit.get().isBefore(lsn) ? new Cutoff(limit.get(), why) : this;
  }
}
