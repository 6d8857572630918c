package io.coppice.bench;

import java.nio.file.Path;
import java.util.Optional;

/**
 * How large the benchmarks are.
 *
 * @param walSizeBytesMin WAL to make for ingest, at least
 * @param scale pgbench's, 1 is 100,000 accounts
 * @param seconds of each timed load
 * @param warmUpSeconds of load before one that is timed
 * @param branches of a tenant that has few; all of them are measured
 * @param manyBranches of one that has many
 * @param measuredBranches the last of those, which are measured
 * @param workDirectory where data goes, and is deleted again; the machine's temporary one if empty
 */
record Options(
    long walSizeBytesMin,
    int scale,
    int seconds,
    int warmUpSeconds,
    int branches,
    int manyBranches,
    int measuredBranches,
    Optional<Path> workDirectory,
    Optional<Path> pgBin) {

  /** For figures that are quoted. */
  static Options full() {
    return new Options(
        1L << 30, 50, 15, 30, 100, 10_000, 1_000, Optional.empty(), Optional.empty());
  }

  Options withWalSizeBytesMin(long sizeBytes) {
    return new Options(
        sizeBytes,
        scale,
        seconds,
        warmUpSeconds,
        branches,
        manyBranches,
        measuredBranches,
        workDirectory,
        pgBin);
  }

  /** To see that everything runs; its figures mean nothing. */
  static Options tiny() {
    return new Options(20L << 20, 1, 2, 1, 20, 100, 20, Optional.empty(), Optional.empty());
  }
}
