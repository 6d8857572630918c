/**
 * How consensus messages and timeline states look on the wire, for both ends of it, and calls of a
 * safekeeper for whoever is not its proposer. Translates and checks; decides nothing.
 */
@NullMarked
package io.coppice.safekeeper.client;

import org.jspecify.annotations.NullMarked;
