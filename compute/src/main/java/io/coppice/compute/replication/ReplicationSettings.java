package io.coppice.compute.replication;

import io.coppice.common.id.Lsn;
import io.coppice.common.platform.Clock;
import io.coppice.common.rpc.HostPort;

/**
 * What to stream, and from where.
 *
 * @param applicationName what {@code synchronous_standby_names} names
 * @param slot made if it is not there; keeps WAL that was not acknowledged
 * @param systemId another system is refused
 * @param startLsn where the stream begins
 */
public record ReplicationSettings(
    HostPort postgres,
    String user,
    String applicationName,
    String slot,
    long systemId,
    Lsn startLsn,
    Clock clock) {
  public ReplicationSettings {
    if (!slot.matches("[a-z0-9_]{1,63}")) {
      throw new IllegalArgumentException(
          "not a replication slot's name: \"%s\" (expected a to z, 0 to 9, _)".formatted(slot));
    }
  }
}
