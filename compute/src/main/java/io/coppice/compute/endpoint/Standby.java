package io.coppice.compute.endpoint;

import io.coppice.common.error.StorageException;
import io.coppice.compute.postgres.RunAs;
import io.coppice.compute.proposer.ProposerWatch;
import io.coppice.compute.storage.BranchInfo;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Waits until a branch has no proposer, and starts an endpoint on it then: a process that is
 * running already needs a third of the time of one that is started for it. There may be any number
 * for a branch; of those that start at once one wins and the others wait on.
 */
public final class Standby {
  private static final Logger log = LoggerFactory.getLogger(Standby.class);

  private final EndpointSpec spec;
  private final BranchInfo branch;
  private final LocalPostgres local;
  private final long patienceMillis;

  private Standby(EndpointSpec spec, BranchInfo branch, LocalPostgres local, long patienceMillis) {
    this.spec = spec;
    this.branch = branch;
    this.local = local;
    this.patienceMillis = patienceMillis;
  }

  /**
   * Looks for all that a start needs on this machine, and tries it.
   *
   * @param patienceMillis how long a branch has to be without a proposer
   * @throws StorageException.NotFound if there is no such branch
   * @throws StorageException.Precondition if something on this machine is missing
   */
  public static Standby prepare(EndpointSpec spec, long patienceMillis)
      throws StorageException, InterruptedException {
    EndpointSettings.check(spec.settings());
    BranchInfo branch = spec.pageserver().getBranch(spec.tenant(), spec.branch());
    LocalPostgres local = LocalPostgres.find(spec, branch.pgMajor(), RunAs.resolve(spec.runAs()));
    Rehearsal.run(new DataFetch(spec, branch, local.runAs()));
    return new Standby(spec, branch, local, patienceMillis);
  }

  /** As it was found. */
  public BranchInfo branch() {
    return branch;
  }

  /**
   * Waits and starts. If the start fails for a reason that may pass, or somebody else is faster, it
   * waits on. A branch that was restored meanwhile has another timeline, and is waited for anew.
   *
   * @throws StorageException.NotFound if there is no branch of that name any more
   * @throws StorageException.Precondition if the branch was deleted, or something on this machine
   *     is missing
   */
  public Endpoint awaitAndStart() throws StorageException, InterruptedException {
    BranchInfo awaited = branch;
    while (true) {
      awaitAbsence(awaited);
      try {
        BranchInfo now = spec.pageserver().getBranch(spec.tenant(), spec.branch());
        if (now.timeline().equals(awaited.timeline())) {
          log.info("branch {} has no endpoint, takes it over", now.name());
          return start(now);
        }
        awaited = now;
      } catch (StorageException.Transient | StorageException.Fenced e) {
        log.warn("took over branch {} in vain, waits on: {}", awaited.name(), e.getMessage());
      }
    }
  }

  private Endpoint start(BranchInfo awaited) throws StorageException, InterruptedException {
    if (spec.port().isPresent() && !Ports.isFree(spec.port().getAsInt())) {
      // It may be what a dead supervisor on this machine has left.
      new EndpointRegistry(spec.dataDirectory(), spec.clock()).cleanUp(awaited.timeline());
    }
    return Endpoint.start(spec, Optional.of(local));
  }

  /** Each time with a new watch, which needs some seconds: a pause after a failure. */
  private void awaitAbsence(BranchInfo awaited) throws StorageException, InterruptedException {
    try (ProposerWatch watch = ProposerWatch.open(awaited.id(), spec.safekeepers(), spec.clock())) {
      watch.awaitAbsence(patienceMillis);
    }
  }
}
