/**
 * Brings committed WAL to the object store, and old WAL back from it. Decides when, and checks what
 * it moves; starts no threads, and knows neither gRPC nor what else happens to a timeline.
 */
@NullMarked
package io.coppice.safekeeper.backup;

import org.jspecify.annotations.NullMarked;
