package io.coppice.safekeeper.server;

import io.coppice.common.rpc.HostPort;
import java.nio.file.Path;

/**
 * What a safekeeper needs to know.
 *
 * @param nodeId from 1; written into the data directory, which then refuses another one
 * @param listen port 0 takes a free one
 */
public record SafekeeperConfig(long nodeId, Path dataDir, HostPort listen) {
  public SafekeeperConfig {
    if (nodeId < 1) {
      throw new IllegalArgumentException(
          "not a safekeeper id: %d (expected 1 or more)".formatted(nodeId));
    }
  }
}
