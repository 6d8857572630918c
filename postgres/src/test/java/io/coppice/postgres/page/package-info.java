/** Page primitives by example. */
@NullMarked
package io.coppice.postgres.page;

import org.jspecify.annotations.NullMarked;
