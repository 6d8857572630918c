package io.coppice.pageserver.server;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.pageserver.timeline.Timeline;
import io.coppice.proto.page.ReadLsn;

/**
 * What a request's LSNs ask for.
 *
 * @param waitFor the timeline must have this before it can answer
 * @param requested read here, or at {@code waitFor} if the caller promised that nothing changed
 * @param promised whether the caller did
 */
record ReadPoint(Lsn waitFor, Lsn requested, boolean promised) {

  /**
   * The newest state is asked for with the largest number. Without a promise, what is asked for
   * must be there; with one, what was not modified since is as good.
   */
  static ReadPoint of(ReadLsn readLsn) throws StorageException.Invalid {
    Lsn requested = new Lsn(readLsn.getRequestLsn());
    Lsn notModifiedSince = new Lsn(readLsn.getNotModifiedSinceLsn());
    if (!requested.isValid()) {
      throw new StorageException.Invalid("request_lsn is missing or zero");
    }
    if (notModifiedSince.isAfter(requested)) {
      throw new StorageException.Invalid(
          "not_modified_since_lsn %s is after request_lsn %s"
              .formatted(notModifiedSince, requested));
    }
    boolean newest = requested.equals(Lsn.MAX);
    boolean promised = newest || notModifiedSince.isValid();
    return new ReadPoint(promised ? notModifiedSince : requested, requested, promised);
  }

  /** As {@link ReadLsn} with only that LSN, where zero asks for the newest state. */
  static ReadPoint at(Lsn lsn) {
    return lsn.isValid() ? new ReadPoint(lsn, lsn, false) : new ReadPoint(lsn, Lsn.MAX, true);
  }

  boolean mustWait(Timeline timeline) {
    return waitFor.isAfter(timeline.lastRecordLsn());
  }

  /**
   * Where to read, once nothing need be waited for.
   *
   * @throws StorageException.Precondition if that is before the history; the message has the window
   */
  Lsn resolve(Timeline timeline) throws StorageException.Precondition {
    Lsn last = timeline.lastRecordLsn();
    Lsn at = Lsn.min(last, requested);
    if (at.isBefore(timeline.readableFrom())) {
      throw new StorageException.Precondition(
          "branch %s cannot be read at %s: it has %s to %s"
              .formatted(timeline.name(), at, timeline.readableFrom(), last));
    }
    return at;
  }
}
