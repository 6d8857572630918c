/**
 * How results and failures are shown: tables for people, JSON for programs, exit codes for both.
 */
@NullMarked
package io.coppice.cli.output;

import org.jspecify.annotations.NullMarked;
