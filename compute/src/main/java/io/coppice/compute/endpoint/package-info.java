/**
 * The life of an endpoint: a stock Postgres on a branch, with its proposer, from election to
 * shutdown, and the files by which other processes see it. It must not know how WAL becomes durable
 * or how pages are stored; its local data is disposable.
 */
@NullMarked
package io.coppice.compute.endpoint;

import org.jspecify.annotations.NullMarked;
