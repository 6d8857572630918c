/**
 * How consensus messages and timeline states look on the wire, for both ends of it. Translates and
 * checks; opens no connection and decides nothing.
 */
@NullMarked
package io.coppice.safekeeper.client;

import org.jspecify.annotations.NullMarked;
