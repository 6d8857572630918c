/**
 * Follows the safekeepers: learns which timelines have WAL that is not here yet, and streams it
 * into ingest from one safekeeper at a time. Does not look into records.
 */
@NullMarked
package io.coppice.pageserver.receiver;

import org.jspecify.annotations.NullMarked;
