package io.coppice.pageserver.timeline;

import io.coppice.common.id.Lsn;
import java.util.Optional;

/** At which LSNs a timeline must be readable, by itself or by the branches that read through it. */
@FunctionalInterface
public interface NeededLsns {
  /** The first of them at or after an LSN; empty if there is none. */
  Optional<Lsn> firstAtOrAfter(Lsn lsn);
}
