package io.coppice.pageserver.tenant;

import io.coppice.common.error.StorageException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.ReentrantLock;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What is to be put right after a write of which nobody knows whether it happened. Each is tried at
 * once, and then again until it succeeds; a restart, which reads what is there, ends the doubt,
 * too. Thread safe.
 */
final class Remedies {
  private static final Logger log = LoggerFactory.getLogger(Remedies.class);

  private final ReentrantLock retrying = new ReentrantLock();
  private final List<Remedy> pending = new ArrayList<>();

  /** Puts right what may be wrong; done again after it failed. */
  @FunctionalInterface
  interface Remedy {
    void apply() throws StorageException;
  }

  /** Tries it, and keeps it if it fails; returns whether it succeeded. */
  boolean apply(Remedy remedy) {
    boolean isDone = isDone(remedy);
    if (!isDone) {
      synchronized (pending) {
        pending.add(remedy);
      }
    }
    return isDone;
  }

  /** Tries all again. Calls that overlap wait for each other, since none is to be done twice. */
  void retry() {
    if (!isAnyPending()) {
      return;
    }
    retrying.lock();
    try {
      tryAll();
    } finally {
      retrying.unlock();
    }
  }

  private boolean isAnyPending() {
    synchronized (pending) {
      return !pending.isEmpty();
    }
  }

  private void tryAll() {
    List<Remedy> tried;
    synchronized (pending) {
      tried = List.copyOf(pending);
    }
    for (Remedy remedy : tried) {
      if (isDone(remedy)) {
        synchronized (pending) {
          pending.remove(remedy);
        }
      }
    }
  }

  private static boolean isDone(Remedy remedy) {
    try {
      remedy.apply();
      return true;
    } catch (StorageException e) {
      log.warn("an index that is in doubt cannot be put right yet: {}", e.getMessage());
      return false;
    }
  }
}
