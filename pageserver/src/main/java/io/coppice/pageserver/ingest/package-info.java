/**
 * WAL records into values under keys: blocks, relation sizes, listings, SLRUs, the checkpoint, the
 * commit index. One thread for each timeline. Knows nothing of layer files or networks.
 */
@NullMarked
package io.coppice.pageserver.ingest;

import org.jspecify.annotations.NullMarked;
