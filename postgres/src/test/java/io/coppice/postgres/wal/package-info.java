/** Tests of reading and writing the log. */
@NullMarked
package io.coppice.postgres.wal;

import org.jspecify.annotations.NullMarked;
