package io.coppice.pageserver.timeline;

/**
 * Limits of timelines.
 *
 * @param openLayerSizeBytesMax memory at which an open layer is rolled
 * @param openLayersSizeBytesTotalMax memory of all open and frozen layers together
 * @param openLayerAgeMillisMax age at which an open layer is rolled
 * @param imageLayerSizeBytesTarget bytes of values in one file of an import
 * @param ancestorWaitMillis how long a read waits for an ancestor that is catching up
 * @param upkeep when layers are written anew
 */
public record TimelineLimits(
    long openLayerSizeBytesMax,
    long openLayersSizeBytesTotalMax,
    long openLayerAgeMillisMax,
    long imageLayerSizeBytesTarget,
    long ancestorWaitMillis,
    UpkeepLimits upkeep) {}
