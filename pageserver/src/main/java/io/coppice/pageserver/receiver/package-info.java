/**
 * Follows the safekeepers: learns which timelines have WAL that is not here yet, and streams it
 * into ingest from one safekeeper at a time; and has them forget branches that are deleted. Does
 * not look into records.
 */
@NullMarked
package io.coppice.pageserver.receiver;

import org.jspecify.annotations.NullMarked;
