/**
 * Hostile bytes: what reads WAL, pages and files of Postgres must answer any input with a result or
 * a {@code StorageException}, in bounded time and memory. Each target takes one input; {@code make
 * fuzz} drives them with Jazzer, and tests with mutations of real WAL.
 */
@NullMarked
package io.coppice.fuzz;

import org.jspecify.annotations.NullMarked;
