/** Tests of the proposer, with real safekeepers and a real Postgres. */
@NullMarked
package io.coppice.compute.proposer;

import org.jspecify.annotations.NullMarked;
