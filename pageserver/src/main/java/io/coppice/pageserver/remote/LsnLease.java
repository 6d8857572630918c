package io.coppice.pageserver.remote;

import io.coppice.common.id.Lsn;
import java.time.Instant;

/** An LSN that stays readable until a time, whatever becomes of the page server meanwhile. */
public record LsnLease(Lsn lsn, Instant until) {}
