package io.coppice.compute.proposer;

/** Turns of work under the quorum's lock, of which none comes any more once it has ended. */
interface Turns {

  /** On this thread. */
  void now(Runnable underLock);

  /** On the thread that the safekeepers' answers come on. */
  void later(long delayMillis, Runnable underLock);
}
