/**
 * The rules by which a timeline's WAL becomes durable on a quorum: acceptor and proposer as state
 * machines, message in, effects out.
 *
 * <p>Nothing here reads a clock, starts a thread, or touches a disk or a socket; the simulator runs
 * these same classes. Imports only ids, LSNs and errors.
 */
@NullMarked
package io.coppice.safekeeper.consensus;

import org.jspecify.annotations.NullMarked;
