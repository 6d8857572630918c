package io.coppice.bench;

import java.nio.file.Path;
import java.util.Optional;

/**
 * How large the benchmarks are, and where they work.
 *
 * @param workDirectory where data goes, and is deleted again; the machine's temporary one if empty
 * @param walDirectory where WAL of pgbench is kept from run to run; made anew in each if empty
 * @param pgBin Postgres's programs; looked for if empty
 */
record Options(
    Size size, Optional<Path> workDirectory, Optional<Path> walDirectory, Optional<Path> pgBin) {

  /** What the figures are for. */
  enum Size {
    /** To see that everything runs; figures mean nothing. */
    TINY,
    /** For figures that are quoted. */
    FULL,
    /** As full; costs are looked at up to the largest sizes. */
    LARGE
  }

  boolean isTiny() {
    return size == Size.TINY;
  }

  boolean isLarge() {
    return size == Size.LARGE;
  }

  /** WAL to make for ingest, at least. */
  long walSizeBytesMin() {
    return isTiny() ? 20L << 20 : 1L << 30;
  }

  /** Of pgbench; 1 is 100,000 accounts. */
  int scale() {
    return isTiny() ? 1 : 50;
  }

  /** Of each timed load. */
  int seconds() {
    return isTiny() ? 2 : 15;
  }

  /** Of load before one that is timed. */
  int warmUpSeconds() {
    return isTiny() ? 1 : 180;
  }

  /** Of a tenant that has few; all of them are measured. */
  int branches() {
    return isTiny() ? 20 : 100;
  }

  /** Of a tenant that has many. */
  int manyBranches() {
    return isTiny() ? 100 : 10_000;
  }

  /** The last of many branches, which are measured. */
  int measuredBranches() {
    return isTiny() ? 20 : 1_000;
  }
}
