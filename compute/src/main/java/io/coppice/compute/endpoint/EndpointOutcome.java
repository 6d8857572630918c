package io.coppice.compute.endpoint;

import io.coppice.common.id.Lsn;

/**
 * How an endpoint ended.
 *
 * @param status a final one
 * @param reason for people
 * @param commitLsn all WAL below it is on a quorum
 */
public record EndpointOutcome(EndpointStatus status, String reason, Lsn commitLsn) {}
