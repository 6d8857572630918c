package io.coppice.pageserver.timeline;

/**
 * How much of what a timeline has, itself and not its ancestors.
 *
 * @param openSizeBytes memory of the layer that is written to
 * @param frozenSizeBytes memory of the layers that wait for being written to files
 * @param fileCount layer files, here or not
 * @param level0Count of these, those of level 0
 * @param fileSizeBytes of all files
 * @param residentSizeBytes of those that are on this machine
 */
public record LayerStatistics(
    long openSizeBytes,
    long frozenSizeBytes,
    int fileCount,
    int level0Count,
    long fileSizeBytes,
    long residentSizeBytes) {}
