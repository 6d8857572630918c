/** Redo against Postgres itself: WAL of real servers, and golden WAL kept from them. */
@NullMarked
package io.coppice.postgres.verify;

import org.jspecify.annotations.NullMarked;
