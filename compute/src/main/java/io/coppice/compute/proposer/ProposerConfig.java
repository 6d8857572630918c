package io.coppice.compute.proposer;

import io.coppice.common.id.Lsn;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.common.platform.Clock;
import io.coppice.common.platform.Ids;
import io.coppice.common.rpc.HostPort;
import java.util.List;
import java.util.random.RandomGenerator;

/**
 * What a proposer needs to know.
 *
 * @param safekeepers all members; a majority of them makes a quorum
 * @param timelineStartLsn where the timeline's WAL begins, for safekeepers that have none of it
 * @param creation which attempt to make the timeline on safekeepers this is of
 * @param create nothing was ever committed to the timeline: safekeepers that do not have it make
 *     it, until {@link WalProposer#stopCreating}
 * @param electionTimeoutMillis how long {@link WalProposer#elect} tries
 * @param recentWalSizeBytesMax how much recent WAL is kept in memory for safekeepers that are a
 *     little behind; those further behind are fed from another safekeeper
 */
public record ProposerConfig(
    TenantTimelineId timeline,
    List<HostPort> safekeepers,
    int pgMajor,
    long systemId,
    int walSegmentSizeBytes,
    Lsn timelineStartLsn,
    int creation,
    boolean create,
    Clock clock,
    RandomGenerator random,
    long electionTimeoutMillis,
    int recentWalSizeBytesMax) {
  public static final long ELECTION_TIMEOUT_MILLIS_DEFAULT = 30_000;
  public static final int RECENT_WAL_SIZE_BYTES_MAX_DEFAULT = 32 * 1024 * 1024;
  private static final int SAFEKEEPERS_MAX = 9;

  public ProposerConfig {
    safekeepers = List.copyOf(safekeepers);
    if (safekeepers.isEmpty() || safekeepers.size() > SAFEKEEPERS_MAX) {
      throw new IllegalArgumentException(
          "%d safekeepers (expected 1 to %d)".formatted(safekeepers.size(), SAFEKEEPERS_MAX));
    }
    if (safekeepers.stream().distinct().count() != safekeepers.size()) {
      throw new IllegalArgumentException("a safekeeper is named twice: " + safekeepers);
    }
    if (!timelineStartLsn.isValid()) {
      throw new IllegalArgumentException("the timeline's start LSN is 0/0");
    }
  }

  /**
   * With the clock and randomness of the machine, and the default limits; of the first creation.
   */
  public static ProposerConfig of(
      TenantTimelineId timeline,
      List<HostPort> safekeepers,
      int pgMajor,
      long systemId,
      int walSegmentSizeBytes,
      Lsn timelineStartLsn) {
    return new ProposerConfig(
        timeline,
        safekeepers,
        pgMajor,
        systemId,
        walSegmentSizeBytes,
        timelineStartLsn,
        1,
        false,
        Clock.SYSTEM,
        Ids.secureRandom(),
        ELECTION_TIMEOUT_MILLIS_DEFAULT,
        RECENT_WAL_SIZE_BYTES_MAX_DEFAULT);
  }

  /** The same of another attempt to make the timeline, and whether safekeepers may make it. */
  public ProposerConfig withCreation(int newCreation, boolean newCreate) {
    return new ProposerConfig(
        timeline,
        safekeepers,
        pgMajor,
        systemId,
        walSegmentSizeBytes,
        timelineStartLsn,
        newCreation,
        newCreate,
        clock,
        random,
        electionTimeoutMillis,
        recentWalSizeBytesMax);
  }
}
