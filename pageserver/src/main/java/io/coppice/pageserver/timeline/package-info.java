/**
 * One branch: its LSNs and those who wait for them, its layers, and reads that go on into its
 * ancestors. Does not decode WAL and does not speak gRPC.
 */
@NullMarked
package io.coppice.pageserver.timeline;

import org.jspecify.annotations.NullMarked;
