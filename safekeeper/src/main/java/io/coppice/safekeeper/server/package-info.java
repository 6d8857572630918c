/**
 * The safekeeper's gRPC service and its life cycle. Translates between wire and state machines and
 * decides nothing: the rules are in {@code consensus}, the files in {@code wal}.
 */
@NullMarked
package io.coppice.safekeeper.server;

import org.jspecify.annotations.NullMarked;
