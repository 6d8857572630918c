/** Tests against real programs of Postgres. */
@NullMarked
package io.coppice.compute.postgres;

import org.jspecify.annotations.NullMarked;
