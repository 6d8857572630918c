package io.coppice.pageserver.cache;

import io.coppice.common.id.Lsn;

/**
 * A copy of a page that was kept.
 *
 * @param page 8192 bytes, the caller's
 * @param from its LSN, or an older one from which on it is as it is
 * @param to the last LSN as of which it is known to be so; it may be so for longer
 */
@SuppressWarnings("ArrayRecordComponent") // nobody compares them
public record CachedPage(byte[] page, Lsn from, Lsn to) {}
