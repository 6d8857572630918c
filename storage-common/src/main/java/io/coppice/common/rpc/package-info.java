/**
 * How every gRPC server and client of Coppice is set up: limits, keep-alive, health, and the one
 * map between {@link io.coppice.common.error.StorageException} and gRPC status.
 */
@NullMarked
package io.coppice.common.rpc;

import org.jspecify.annotations.NullMarked;
