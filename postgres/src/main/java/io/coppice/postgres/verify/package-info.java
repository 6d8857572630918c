/**
 * Proof of redo: WAL that Postgres wrote with {@code wal_consistency_checking} carries, in each
 * record, the pages as Postgres itself had them; here they are compared with the pages that redo
 * makes. Pages and records are handed in; nothing here does I/O.
 */
@NullMarked
package io.coppice.postgres.verify;

import org.jspecify.annotations.NullMarked;
