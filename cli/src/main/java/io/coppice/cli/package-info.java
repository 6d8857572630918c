/**
 * The {@code coppice} command: reads the command line, runs one command and turns its outcome into
 * an exit code.
 *
 * <p>Must not hold what a library user would want: commands call the modules below and print.
 */
@NullMarked
package io.coppice.cli;

import org.jspecify.annotations.NullMarked;
