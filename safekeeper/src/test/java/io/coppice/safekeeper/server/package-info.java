/** Tests of a running safekeeper over gRPC. */
@NullMarked
package io.coppice.safekeeper.server;

import org.jspecify.annotations.NullMarked;
