/** Files that a real PostgreSQL made, and what its own tools say of them. */
@NullMarked
package io.coppice.postgres.golden;

import org.jspecify.annotations.NullMarked;
