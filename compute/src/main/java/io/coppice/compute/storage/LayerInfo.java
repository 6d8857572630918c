package io.coppice.compute.storage;

import io.coppice.common.id.Lsn;

/**
 * One layer of a branch.
 *
 * @param kind {@code delta}, {@code image} or {@code memory}
 * @param resident whether its file is on the page server's machine
 */
public record LayerInfo(
    String name, String kind, long sizeBytes, Lsn startLsn, Lsn endLsn, boolean resident) {}
