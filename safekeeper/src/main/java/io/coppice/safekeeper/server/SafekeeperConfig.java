package io.coppice.safekeeper.server;

import io.coppice.common.rpc.HostPort;
import java.nio.file.Path;

/**
 * What a safekeeper needs to know.
 *
 * @param nodeId from 1; written into the data directory, which then refuses another one
 * @param listen port 0 takes a free one
 * @param scrubBytesPerSecond how fast stored WAL is checked all the time; zero: not at all
 * @param backup when WAL goes to the object store, if there is one
 */
public record SafekeeperConfig(
    long nodeId, Path dataDir, HostPort listen, long scrubBytesPerSecond, BackupConfig backup) {
  private static final long SCRUB_BYTES_PER_SECOND = 8L << 20;

  public SafekeeperConfig {
    if (nodeId < 1) {
      throw new IllegalArgumentException(
          "not a safekeeper id: %d (expected 1 or more)".formatted(nodeId));
    }
  }

  /** With the usual times of the backup. */
  public SafekeeperConfig(long nodeId, Path dataDir, HostPort listen, long scrubBytesPerSecond) {
    this(nodeId, dataDir, listen, scrubBytesPerSecond, BackupConfig.USUAL);
  }

  /** With the usual pace of the scrub. */
  public SafekeeperConfig(long nodeId, Path dataDir, HostPort listen) {
    this(nodeId, dataDir, listen, SCRUB_BYTES_PER_SECOND);
  }
}
