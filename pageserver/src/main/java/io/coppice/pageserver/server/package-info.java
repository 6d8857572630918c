/**
 * The page server's gRPC services and its life cycle. Translates between wire and timelines, and
 * decides on threads: what cannot block is answered on the event loop. Knows no formats.
 */
@NullMarked
package io.coppice.pageserver.server;

import org.jspecify.annotations.NullMarked;
