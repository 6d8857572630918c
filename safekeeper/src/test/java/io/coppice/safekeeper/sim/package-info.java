/**
 * A whole cluster in one thread, driven by a seed: the production safekeepers on simulated disks,
 * and the production proposer, under every fault of the menu, with every invariant checked after
 * every event.
 */
@NullMarked
package io.coppice.safekeeper.sim;

import org.jspecify.annotations.NullMarked;
