/** Work on WAL in files, without any server: proof of redo, and records in readable form. */
@NullMarked
package io.coppice.cli.wal;

import org.jspecify.annotations.NullMarked;
