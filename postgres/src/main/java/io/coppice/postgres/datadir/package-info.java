/**
 * Names of files in a data directory and what they mean, and the small files with a format of their
 * own. Nothing here opens a file.
 */
@NullMarked
package io.coppice.postgres.datadir;

import org.jspecify.annotations.NullMarked;
