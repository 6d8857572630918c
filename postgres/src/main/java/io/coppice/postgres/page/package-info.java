/**
 * Postgres's 8 KiB page as bytes: header, line pointers, items, checksum, and the masks that hide
 * what two equal pages may differ in. Every result is byte for byte what Postgres's own routine
 * gives. Nothing here knows WAL records or does I/O.
 */
@NullMarked
package io.coppice.postgres.page;

import org.jspecify.annotations.NullMarked;
