package io.coppice.postgres.control;

/**
 * The settings that pg_control and parameter-change records carry, because a standby must have at
 * least as much.
 *
 * @param walLevel 0 minimal, 1 replica, 2 logical
 */
public record ServerParameters(
    int maxConnections,
    int maxWorkerProcesses,
    int maxWalSenders,
    int maxPreparedTransactions,
    int maxLocksPerTransaction,
    int walLevel,
    boolean walLogHints,
    boolean trackCommitTimestamp) {}
