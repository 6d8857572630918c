/**
 * Long-running commands: storage roles in this process, their life from start to signal, and the
 * file that tells other commands where they listen.
 */
@NullMarked
package io.coppice.cli.server;

import org.jspecify.annotations.NullMarked;
