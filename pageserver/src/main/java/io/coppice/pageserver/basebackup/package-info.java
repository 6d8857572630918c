/**
 * A tar of a data directory, as of an LSN, that a stock server starts from. Reads a timeline and
 * writes to a stream; knows no gRPC.
 */
@NullMarked
package io.coppice.pageserver.basebackup;

import org.jspecify.annotations.NullMarked;
