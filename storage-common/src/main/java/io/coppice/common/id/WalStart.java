package io.coppice.common.id;

import io.coppice.common.error.StorageException;

/**
 * Attempts to make a timeline on safekeepers, numbered from 1. WAL is committed in one of them
 * only, the newest at the time: whoever began earlier and is late can have safekeepers make only
 * what nobody takes for the timeline.
 *
 * @param attempts numbers handed out
 * @param started the one that WAL is of; 0 while there is none
 */
public record WalStart(int attempts, int started) {
  public static final WalStart NONE = new WalStart(0, 0);

  public WalStart {
    if (started < 0 || attempts < started) {
      throw new IllegalArgumentException(
          "%d attempts, of which number %d was started".formatted(attempts, started));
    }
  }

  public boolean isStarted() {
    return started > 0;
  }

  /** With one attempt more. */
  public WalStart next() {
    return new WalStart(attempts + 1, started);
  }

  /**
   * With that attempt started; the same if it was before.
   *
   * @throws StorageException.Conflict if another one is newer, or was started
   */
  public WalStart start(int attempt) throws StorageException.Conflict {
    if (attempt == started && isStarted()) {
      return this;
    }
    if (isStarted() || attempt != attempts) {
      throw new StorageException.Conflict(
          "another endpoint was started on the branch at the same time: attempt %d is over, %d is"
                  .formatted(attempt, isStarted() ? started : attempts)
              + (isStarted() ? " the one that counts" : " the newest"));
    }
    return new WalStart(attempts, attempt);
  }
}
