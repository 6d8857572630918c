package io.coppice.safekeeper.sim;

/** What may go wrong. The order is part of what a seed means: new kinds go to the end. */
enum FaultKind {
  /** A message takes a hundred times as long. */
  LONG_DELAY,
  DROP,
  DUPLICATE,
  REORDER,
  /** A connection breaks, and both sides come to know. */
  RESET,
  /** A connection breaks; what is on its way still arrives. */
  STALE_CONNECTION,
  /** Messages of one direction between two are lost for a time. */
  ONE_WAY_PARTITION,
  PARTITION,
  /** A safekeeper's process ends; what it wrote is in the kernel's cache. */
  KILL,
  POWER_LOSS,
  /** Power fails before or after one operation of the disk, also while starting. */
  POWER_LOSS_IN_OPERATION,
  /** A safekeeper stands still, and goes on where it was. */
  PAUSE,
  SLOW_DISK,
  DISK_FULL,
  /** A sync fails once, and the kernel drops what it was to write. */
  SYNC_FAILURE,
  COMPUTE_KILL,
  /** A compute stands still, is replaced, and goes on. */
  COMPUTE_PAUSE,
  /** A second compute is started beside the one that is there. */
  RIVAL_COMPUTE,
  /** A safekeeper's process ends before or after one operation of the disk, also in its start. */
  KILL_IN_OPERATION,
  /** A stored bit of one safekeeper turns. At most one of them is hit: no more can be borne. */
  BIT_FLIP,
  /** A safekeeper's disk is lost, with all that was promised; an empty one takes its place. */
  DISK_LOST,
  /** The object store does not do what it is asked to. */
  STORE_FAILURE,
  /** It does, and its answer is lost. */
  STORE_ANSWER_LOST,
  STORE_SLOW,
  /** A page server ends, and comes back with what it had made durable. */
  PAGE_SERVER_DOWN,
  /** A page server starts from nothing. */
  PAGE_SERVER_LOST;

  @SuppressWarnings("EnumOrdinal") // the order is fixed, see above
  long bit() {
    return 1L << ordinal();
  }
}
