/**
 * The kinds of failure, named by what the caller does next, and the check for our own bugs. Nothing
 * here does I/O.
 */
@NullMarked
package io.coppice.common.error;

import org.jspecify.annotations.NullMarked;
