/**
 * Background work on timelines: which one is flushed when, and trying again after failures. What a
 * flush does is the timeline's business.
 */
@NullMarked
package io.coppice.pageserver.maintenance;

import org.jspecify.annotations.NullMarked;
