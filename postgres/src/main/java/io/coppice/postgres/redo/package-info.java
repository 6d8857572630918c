/**
 * What is stored for a page, and how a page is made of it: the encoding of stored values, and WAL
 * redo, one class for each resource manager. Pure: bytes in, a page changed in place. It does no
 * I/O, allocates nothing per record, and never guesses: a record that is not understood is an error
 * that names it.
 */
@NullMarked
package io.coppice.postgres.redo;

import org.jspecify.annotations.NullMarked;
