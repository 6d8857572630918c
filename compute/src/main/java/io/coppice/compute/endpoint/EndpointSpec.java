package io.coppice.compute.endpoint;

import io.coppice.common.id.TenantId;
import io.coppice.common.platform.Clock;
import io.coppice.common.rpc.HostPort;
import io.coppice.compute.storage.PageserverClient;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * What to start.
 *
 * @param pageserver stays open as long as the endpoint starts; closed by the caller
 * @param safekeepers all of them
 * @param branch name or id
 * @param dataDirectory of this machine; endpoints live in its {@code endpoints}
 * @param pgBin directory of Postgres's programs; none looks for them
 * @param runAs user that runs Postgres if we are root; none takes a usual one
 * @param port to listen on; none takes a free one
 * @param settings of Postgres, over our defaults; those that durability hangs on are refused
 * @param keepData whether the local data stays when the endpoint ends, for inspection
 * @param readyTimeoutMillis how long storage may need to come up to the start LSN, and Postgres to
 *     start, each
 * @param stopTimeoutMillis how long a stop waits for the quorum to confirm the last WAL
 * @param statusAddress where the process that runs it serves health and metrics, if it does
 */
public record EndpointSpec(
    PageserverClient pageserver,
    List<HostPort> safekeepers,
    TenantId tenant,
    String branch,
    Path dataDirectory,
    Optional<Path> pgBin,
    Optional<String> runAs,
    OptionalInt port,
    Map<String, String> settings,
    boolean keepData,
    long readyTimeoutMillis,
    long stopTimeoutMillis,
    Clock clock,
    Optional<HostPort> statusAddress) {
  private static final long READY_TIMEOUT_MILLIS = 60_000;
  private static final long STOP_TIMEOUT_MILLIS = 30_000;

  public EndpointSpec {
    safekeepers = List.copyOf(safekeepers);
    settings = Map.copyOf(settings);
    dataDirectory = dataDirectory.toAbsolutePath().normalize();
  }

  /** With everything else found, free or default. */
  public static EndpointSpec of(
      PageserverClient pageserver,
      List<HostPort> safekeepers,
      TenantId tenant,
      String branch,
      Path dataDirectory) {
    return new EndpointSpec(
        pageserver,
        safekeepers,
        tenant,
        branch,
        dataDirectory,
        Optional.empty(),
        Optional.empty(),
        OptionalInt.empty(),
        Map.of(),
        false,
        READY_TIMEOUT_MILLIS,
        STOP_TIMEOUT_MILLIS,
        Clock.SYSTEM,
        Optional.empty());
  }

  public EndpointSpec withPort(OptionalInt newPort) {
    return new EndpointSpec(
        pageserver,
        safekeepers,
        tenant,
        branch,
        dataDirectory,
        pgBin,
        runAs,
        newPort,
        settings,
        keepData,
        readyTimeoutMillis,
        stopTimeoutMillis,
        clock,
        statusAddress);
  }

  public EndpointSpec withPostgres(Optional<Path> newPgBin, Optional<String> newRunAs) {
    return new EndpointSpec(
        pageserver,
        safekeepers,
        tenant,
        branch,
        dataDirectory,
        newPgBin,
        newRunAs,
        port,
        settings,
        keepData,
        readyTimeoutMillis,
        stopTimeoutMillis,
        clock,
        statusAddress);
  }

  public EndpointSpec withSettings(Map<String, String> newSettings) {
    return new EndpointSpec(
        pageserver,
        safekeepers,
        tenant,
        branch,
        dataDirectory,
        pgBin,
        runAs,
        port,
        newSettings,
        keepData,
        readyTimeoutMillis,
        stopTimeoutMillis,
        clock,
        statusAddress);
  }

  public EndpointSpec withKeepData(boolean keep) {
    return new EndpointSpec(
        pageserver,
        safekeepers,
        tenant,
        branch,
        dataDirectory,
        pgBin,
        runAs,
        port,
        settings,
        keep,
        readyTimeoutMillis,
        stopTimeoutMillis,
        clock,
        statusAddress);
  }

  public EndpointSpec withTimeouts(long newReadyTimeoutMillis, long newStopTimeoutMillis) {
    return new EndpointSpec(
        pageserver,
        safekeepers,
        tenant,
        branch,
        dataDirectory,
        pgBin,
        runAs,
        port,
        settings,
        keepData,
        newReadyTimeoutMillis,
        newStopTimeoutMillis,
        clock,
        statusAddress);
  }

  public EndpointSpec withStatusAddress(HostPort newStatusAddress) {
    return new EndpointSpec(
        pageserver,
        safekeepers,
        tenant,
        branch,
        dataDirectory,
        pgBin,
        runAs,
        port,
        settings,
        keepData,
        readyTimeoutMillis,
        stopTimeoutMillis,
        clock,
        Optional.of(newStatusAddress));
  }
}
