/**
 * Tars of data directories and of programs: written without absolute names, unpacked without ever
 * leaving the target. It must not know what is in them.
 */
@NullMarked
package io.coppice.compute.archive;

import org.jspecify.annotations.NullMarked;
