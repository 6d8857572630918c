package io.coppice.pageserver.receiver;

/**
 * Limits of following safekeepers.
 *
 * @param activeTimelinesMax timelines that WAL is streamed for at once; others wait their turn
 * @param idleMillis a timeline that has seen all committed WAL for so long gives up its thread and
 *     stream
 * @param stallMillis a safekeeper that has WAL to send and sends none for so long is left
 * @param retryMillisMin first wait after a failure; grows by half each time
 * @param retryMillisMax longest wait after a failure
 * @param feedbackMillis shortest time between reports to the safekeeper
 */
public record ReceiverConfig(
    int activeTimelinesMax,
    long idleMillis,
    long stallMillis,
    long retryMillisMin,
    long retryMillisMax,
    long feedbackMillis) {

  public static final ReceiverConfig DEFAULTS =
      new ReceiverConfig(512, 10_000, 10_000, 100, 15_000, 1_000);
}
