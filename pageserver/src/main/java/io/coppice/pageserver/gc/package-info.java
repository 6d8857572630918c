/**
 * Which history of timelines must stay readable, and which layers nobody needs. Decides only: pure,
 * but for the leases. What is decided is carried out in {@code tenant}.
 */
@NullMarked
package io.coppice.pageserver.gc;

import org.jspecify.annotations.NullMarked;
