/**
 * {@code global/pg_control} and the checkpoint struct within it, read and written byte for byte as
 * PostgreSQL does. Nothing here opens a file.
 */
@NullMarked
package io.coppice.postgres.control;

import org.jspecify.annotations.NullMarked;
