package io.coppice.pageserver.ingest;

import io.coppice.common.id.Lsn;
import io.coppice.common.id.RelationTag;

/** Hears of relations whose size changes, before the change can be read. */
@FunctionalInterface
public interface RelationListener {
  void changed(RelationTag tag, Lsn lsn);
}
