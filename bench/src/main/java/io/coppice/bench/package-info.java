/**
 * End-to-end benchmarks, each beside its anchor in the same run: stock Postgres, or an echo of the
 * same bytes. Uses the roles as processes, as a user does. Nothing depends on it.
 */
@NullMarked
package io.coppice.bench;

import org.jspecify.annotations.NullMarked;
