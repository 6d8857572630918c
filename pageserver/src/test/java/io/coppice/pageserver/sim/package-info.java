/**
 * Simulates the storage engine: the production classes below gRPC, in one thread, in virtual time,
 * on an object store that fails, against maps in memory. A seed is a history, and gives the same
 * one again.
 */
@NullMarked
package io.coppice.pageserver.sim;

import org.jspecify.annotations.NullMarked;
