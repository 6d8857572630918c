/**
 * Files of a cluster on a local disk, read only: segments of the log as a stream of records, and
 * the pages of a data directory or base backup. The one place in this module that does I/O.
 */
@NullMarked
package io.coppice.postgres.files;

import org.jspecify.annotations.NullMarked;
