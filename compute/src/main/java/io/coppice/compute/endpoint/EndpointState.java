package io.coppice.compute.endpoint;

import io.coppice.common.id.Lsn;
import io.coppice.common.id.TenantId;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.common.id.TimelineId;
import io.coppice.common.rpc.HostPort;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Optional;

/**
 * One run of an endpoint, as its supervisor last wrote it to {@code endpoint.json}.
 *
 * @param run counts the runs of the branch's endpoint on this machine, from 1
 * @param reason why it ended; empty as long as it has not
 * @param supervisor the process that writes this
 * @param postmasterPid zero until Postgres runs
 * @param port zero until it is chosen
 * @param term that its proposer was elected in; zero until then
 * @param startLsn where its WAL begins; invalid until it is elected
 * @param dataPath Postgres's data directory
 * @param logPath Postgres's log
 * @param statusAddress where its supervisor serves health and metrics
 */
public record EndpointState(
    TenantId tenant,
    TimelineId timeline,
    String branch,
    int run,
    EndpointStatus status,
    String reason,
    Supervisor supervisor,
    long postmasterPid,
    int port,
    long term,
    Lsn startLsn,
    Path dataPath,
    Path logPath,
    Instant startedAt,
    Instant changedAt,
    StartDurations durations,
    Optional<HostPort> statusAddress) {

  /**
   * A process, told apart from others that get its pid later.
   *
   * @param startedAt as the operating system has it; {@link Instant#EPOCH} if it does not say
   */
  public record Supervisor(long pid, Instant startedAt) {

    static Supervisor self() {
      return of(ProcessHandle.current());
    }

    private static Supervisor of(ProcessHandle process) {
      return new Supervisor(process.pid(), process.info().startInstant().orElse(Instant.EPOCH));
    }

    public boolean isSelf() {
      return equals(self());
    }

    /** Whether it still runs. */
    public boolean isAlive() {
      return ProcessHandle.of(pid)
          .filter(ProcessHandle::isAlive)
          .filter(process -> of(process).equals(this))
          .isPresent();
    }
  }

  public TenantTimelineId id() {
    return new TenantTimelineId(tenant, timeline);
  }

  /** Where clients connect. */
  public String connectionString(String database) {
    return "postgresql://postgres@127.0.0.1:%d/%s".formatted(port, database);
  }

  EndpointState withStatus(EndpointStatus newStatus, String newReason, Instant now) {
    return new EndpointState(
        tenant,
        timeline,
        branch,
        run,
        newStatus,
        newReason,
        supervisor,
        postmasterPid,
        port,
        term,
        startLsn,
        dataPath,
        logPath,
        startedAt,
        now,
        durations,
        statusAddress);
  }

  EndpointState elected(long newTerm, Lsn newStartLsn, Path newDataPath, Instant now) {
    return new EndpointState(
        tenant,
        timeline,
        branch,
        run,
        status,
        reason,
        supervisor,
        postmasterPid,
        port,
        newTerm,
        newStartLsn,
        newDataPath,
        logPath,
        startedAt,
        now,
        durations,
        statusAddress);
  }

  EndpointState running(long newPostmasterPid, int newPort, StartDurations took, Instant now) {
    return new EndpointState(
        tenant,
        timeline,
        branch,
        run,
        EndpointStatus.RUNNING,
        "",
        supervisor,
        newPostmasterPid,
        newPort,
        term,
        startLsn,
        dataPath,
        logPath,
        startedAt,
        now,
        took,
        statusAddress);
  }
}
