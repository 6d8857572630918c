package io.coppice.compute.endpoint;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.compute.postgres.DirectoryTrees;
import io.coppice.compute.postgres.ReachableDirectory;
import io.coppice.compute.postgres.RunAs;
import io.coppice.compute.proposer.ProposerWatch;
import io.coppice.compute.storage.BranchInfo;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
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

  /** A base backup takes three times as long at first as once its code is compiled. */
  private static final long REHEARSED_BYTES_MIN = 128L * 1024 * 1024;

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
    DataFetch fetch = new DataFetch(spec, branch, local.runAs());
    for (long bytes = 0; bytes < REHEARSED_BYTES_MIN; bytes += rehearse(fetch)) {}
    return new Standby(spec, branch, local, patienceMillis);
  }

  /**
   * Gets the branch's data and deletes it: what is in the way of that is found now, and the code
   * was compiled before it matters how long it takes. Returns how much it was.
   */
  private static long rehearse(DataFetch fetch) throws StorageException {
    Path root = RunDirectory.root(fetch.spec().dataDirectory());
    ReachableDirectory.createPassable(root);
    try {
      Path data = Files.createTempDirectory(root, "rehearsal-");
      try {
        return fetch.into(data, Lsn.INVALID).sizeBytes();
      } finally {
        DirectoryTrees.delete(data);
      }
    } catch (IOException e) {
      throw new StorageException.Transient("cannot rehearse in %s: %s".formatted(root, e), e);
    }
  }

  public BranchInfo branch() {
    return branch;
  }

  /**
   * Waits and starts. If the start fails for a reason that may pass, or somebody else is faster, it
   * waits on.
   *
   * @throws StorageException.Precondition if the branch was deleted, or something on this machine
   *     is missing
   */
  public Endpoint awaitAndStart() throws StorageException, InterruptedException {
    while (true) {
      awaitAbsence();
      log.info("branch {} has no endpoint, takes it over", branch.name());
      if (spec.port().isPresent() && !Ports.isFree(spec.port().getAsInt())) {
        // It may be what a dead supervisor on this machine has left.
        new EndpointRegistry(spec.dataDirectory(), spec.clock()).cleanUp(branch.timeline());
      }
      try {
        return Endpoint.start(spec, Optional.of(local));
      } catch (StorageException.Transient | StorageException.Fenced e) {
        log.warn("took over branch {} in vain, waits on: {}", branch.name(), e.getMessage());
      }
    }
  }

  /** Each time with a new watch, which needs some seconds: a pause after a failure. */
  private void awaitAbsence() throws StorageException, InterruptedException {
    try (ProposerWatch watch = ProposerWatch.open(branch.id(), spec.safekeepers(), spec.clock())) {
      watch.awaitAbsence(patienceMillis);
    }
  }
}
