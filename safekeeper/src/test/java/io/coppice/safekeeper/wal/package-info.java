/** Tests of what is on a safekeeper's disk. */
@NullMarked
package io.coppice.safekeeper.wal;

import org.jspecify.annotations.NullMarked;
