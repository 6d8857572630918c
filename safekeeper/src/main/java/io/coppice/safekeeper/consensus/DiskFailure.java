package io.coppice.safekeeper.consensus;

/**
 * A disk did not do what durability rests on: what it holds is unknown, so nothing may be
 * acknowledged any more and the node stops. A second try that succeeds proves nothing, because the
 * kernel may have dropped the pages that failed.
 */
public final class DiskFailure extends Exception {
  public DiskFailure(String message, Throwable cause) {
    super(message, cause);
  }
}
