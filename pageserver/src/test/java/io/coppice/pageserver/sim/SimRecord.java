package io.coppice.pageserver.sim;

import io.coppice.common.id.Lsn;
import io.coppice.common.key.Key;
import java.util.SortedMap;

/** A record of WAL: what it stores under which keys. */
record SimRecord(Lsn start, Lsn end, SortedMap<Key, byte[]> values) {}
