/**
 * Pages in memory, as they were rebuilt for a reader, for the next one. Knows nothing of layers,
 * and does not decide what is still true: who reads does.
 */
@NullMarked
package io.coppice.pageserver.cache;

import org.jspecify.annotations.NullMarked;
