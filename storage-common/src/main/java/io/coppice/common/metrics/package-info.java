/**
 * What a role shows of itself: numbers for Prometheus and a small HTTP server for health, readiness
 * and status.
 *
 * <p>Must not know any role: they hand in {@link io.coppice.common.metrics.MetricSource}s.
 */
@NullMarked
package io.coppice.common.metrics;

import org.jspecify.annotations.NullMarked;
