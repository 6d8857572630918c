/**
 * The write-ahead log as bytes: cut into records across pages and segments, checked, and, for the
 * start of a server, written. What the records mean is not known here, nor any storage.
 */
@NullMarked
package io.coppice.postgres.wal;

import org.jspecify.annotations.NullMarked;
