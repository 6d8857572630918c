/**
 * The proposer: takes WAL from a stock Postgres over physical replication, makes it durable on a
 * quorum of safekeepers, and tells Postgres how far that has come, never further.
 *
 * <p>The rules of the protocol are in {@code io.coppice.safekeeper.consensus}; here are only the
 * sockets around them. Nothing here starts or stops Postgres.
 */
@NullMarked
package io.coppice.compute.proposer;

import org.jspecify.annotations.NullMarked;
