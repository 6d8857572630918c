/**
 * What differs between the majors of PostgreSQL, as constants. Nothing here parses or does I/O;
 * layouts that differ are classes of their own, chosen by {@link
 * io.coppice.postgres.version.PostgresVersion}.
 */
@NullMarked
package io.coppice.postgres.version;

import org.jspecify.annotations.NullMarked;
