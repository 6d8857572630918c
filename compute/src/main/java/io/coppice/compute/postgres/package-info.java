/**
 * A stock Postgres as programs and processes: finds or unpacks its binaries, and runs them as a
 * user that Postgres accepts. It must not know branches, storage or WAL.
 */
@NullMarked
package io.coppice.compute.postgres;

import org.jspecify.annotations.NullMarked;
