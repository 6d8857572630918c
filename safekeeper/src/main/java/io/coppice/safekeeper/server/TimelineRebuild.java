package io.coppice.safekeeper.server;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.safekeeper.client.TimelineStatus;
import io.coppice.safekeeper.consensus.DiskFailure;
import io.coppice.safekeeper.consensus.RebuildPlan;
import io.coppice.safekeeper.wal.DataDirectory;
import io.coppice.safekeeper.wal.StagedTimeline;
import java.io.IOException;
import java.util.List;
import java.util.concurrent.Executor;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One rebuild of a timeline that this node has lost, with all that it promised about it.
 *
 * <pre>
 *   ask the peers for their generation g -> have them raise it to g + 1, and say what they have
 *     -> copy the greatest log, up to the end F that was said -> ask again: still the same log?
 *     -> control file: generation g + 1, the greatest of the terms and positions -> into its place
 * </pre>
 *
 * <p>Why that is enough: {@link RebuildPlan}. What peers do in generation g + 1 meanwhile is none
 * of this node's, and reaches it as it reaches any safekeeper that was away.
 */
final class TimelineRebuild {
  private static final Logger log = LoggerFactory.getLogger(TimelineRebuild.class);
  private static final int ATTEMPTS_MAX = 3;

  private final TenantTimelineId id;
  private final Peers peers;
  private final TimelineRegistry registry;
  private final DataDirectory directory;
  private final Executor creator;
  private final boolean replace;

  TimelineRebuild(
      TenantTimelineId id,
      Peers peers,
      TimelineRegistry registry,
      DataDirectory directory,
      Executor creator,
      boolean replace) {
    this.id = id;
    this.peers = peers;
    this.registry = registry;
    this.directory = directory;
    this.creator = creator;
    this.replace = replace;
  }

  /**
   * Rebuilds the timeline, which nobody else opens meanwhile.
   *
   * @throws StorageException.Conflict if it is here and not to be replaced
   * @throws StorageException.Transient if too few peers answer, or the log does not hold still
   * @throws StorageException.Precondition if the peers have lost committed WAL, too
   */
  void run() throws StorageException, IOException, InterruptedException, DiskFailure {
    for (int attempt = 1; attempt <= ATTEMPTS_MAX; attempt++) {
      // Nothing is touched, here or there, before it is likely to succeed.
      List<Peers.Answer> found = peers.ask(peer -> peer.status(id));
      if (!replace) {
        TimelineStatus any = found.getFirst().status();
        registry.checkLost(id, any.state().properties().creation());
      }
      registry.putAside(id);
      int generation = RebuildPlan.generationAfter(peersOf(found));
      List<Peers.Answer> answers = peers.ask(peer -> peer.raiseGeneration(id, generation));
      try {
        rebuild(generation, answers);
        return;
      } catch (LogCopy.LogWasCut _) {
        log.info("timeline {}: the log was cut while it was copied, starting again", id);
      }
    }
    throw new StorageException.Transient(
        "the log of timeline %s was cut each of %d times that it was copied"
            .formatted(id, ATTEMPTS_MAX));
  }

  private static List<RebuildPlan.Peer> peersOf(List<Peers.Answer> answers) {
    return answers.stream().map(answer -> LogCopy.peerOf(answer.status())).toList();
  }

  private void rebuild(int generation, List<Peers.Answer> answers)
      throws StorageException, IOException, InterruptedException, DiskFailure, LogCopy.LogWasCut {
    RebuildPlan plan = RebuildPlan.of(generation, peersOf(answers));
    log.info("timeline {}: rebuilding it from {}", id, plan);
    try (StagedTimeline staged = directory.stage(plan.state(), creator)) {
      new LogCopy(plan, answers, staged.wal()).run();
      staged.publish(plan.state());
    }
  }
}
