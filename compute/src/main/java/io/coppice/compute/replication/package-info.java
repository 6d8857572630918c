/**
 * A client of Postgres's physical streaming replication: takes WAL, gives back positions. Knows
 * nothing of safekeepers.
 *
 * <p>Why not pgjdbc's: see {@code docs/decisions/0004-own-replication-client.md}.
 */
@NullMarked
package io.coppice.compute.replication;

import org.jspecify.annotations.NullMarked;
