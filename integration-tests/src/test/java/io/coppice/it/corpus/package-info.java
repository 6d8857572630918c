/**
 * WAL of real servers of every major, with every kind of record that can be had by SQL: scripts,
 * the servers that run them, and the proof that redo makes of it what Postgres made.
 */
@NullMarked
package io.coppice.it.corpus;

import org.jspecify.annotations.NullMarked;
