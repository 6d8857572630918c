package io.coppice.compute.storage;

import io.coppice.common.id.Lsn;
import java.time.Instant;

/**
 * The last commit at or before an LSN.
 *
 * @param commitLsn end of its record
 */
public record TimeAtLsn(Instant commitTime, Lsn commitLsn) {}
