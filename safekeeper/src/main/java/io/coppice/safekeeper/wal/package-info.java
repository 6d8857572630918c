/**
 * What a safekeeper keeps on disk: the data directory and who may use it, each timeline's control
 * file, and its WAL in segments byte-identical to Postgres's.
 *
 * <p>Knows no gRPC and decides nothing about terms; it implements the stores that {@code consensus}
 * asks for. A file is there only once it is durable, and what it holds is checked when it is read.
 */
@NullMarked
package io.coppice.safekeeper.wal;

import org.jspecify.annotations.NullMarked;
