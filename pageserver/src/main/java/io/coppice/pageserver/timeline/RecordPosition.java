package io.coppice.pageserver.timeline;

import io.coppice.common.id.Lsn;

/**
 * The newest readable record of a timeline, both LSNs taken at one moment.
 *
 * @param last end of the record
 * @param previous its start; invalid if that is not known
 */
public record RecordPosition(Lsn last, Lsn previous) {}
