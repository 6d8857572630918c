/**
 * Layers: the open in-memory layer, SST delta and image layers, and the map that says which of them
 * can hold a key at an LSN. Knows nothing of branches and their ancestry, and nothing of gRPC.
 */
@NullMarked
package io.coppice.pageserver.layer;

import org.jspecify.annotations.NullMarked;
