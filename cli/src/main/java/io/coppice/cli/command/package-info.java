/**
 * One class for each noun of the command line, one method for each verb. A method asks a server and
 * prints the answer; long-running commands are in {@code io.coppice.cli.server}.
 */
@NullMarked
package io.coppice.cli.command;

import org.jspecify.annotations.NullMarked;
