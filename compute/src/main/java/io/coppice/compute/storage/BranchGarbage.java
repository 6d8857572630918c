package io.coppice.compute.storage;

import io.coppice.common.id.Lsn;
import java.util.List;

/**
 * What garbage collection does, or would do, to a branch.
 *
 * @param readableFrom where its history began
 * @param cutoff where it begins now
 * @param heldBy what keeps the history behind that
 * @param heldByBranches for which layers are kept that this branch does not need
 * @param layers how many go
 * @param failure why not all was done; empty if it was
 */
public record BranchGarbage(
    String name,
    Lsn readableFrom,
    Lsn cutoff,
    String heldBy,
    List<String> heldByBranches,
    int layers,
    long sizeBytes,
    String failure) {}
