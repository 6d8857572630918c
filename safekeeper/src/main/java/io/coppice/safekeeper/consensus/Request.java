package io.coppice.safekeeper.consensus;

import io.coppice.common.id.Lsn;
import java.nio.ByteBuffer;

/** What a proposer says to an acceptor. */
public sealed interface Request {

  /**
   * Of the set of safekeepers. It grows each time one of them is rebuilt: what that one promised
   * before, and has forgotten, was promised in an older generation, in which nothing can be done
   * any more.
   */
  int generation();

  /**
   * Opens a conversation; in one that is open, has the other side say which generation it is in.
   *
   * @param term the newest that the sender has campaigned in
   * @param create nothing was ever committed to the timeline, so a safekeeper that does not have it
   *     has not lost it, and makes it
   */
  record Greeting(int generation, long term, TimelineProperties properties, boolean create)
      implements Request {
    public Greeting {
      if (term < 0 || generation < 0) {
        throw new IllegalArgumentException(
            "negative term or generation: %d, %d".formatted(term, generation));
      }
    }
  }

  /** Asks to be the one proposer of a term. */
  record VoteRequest(int generation, long term) implements Request {}

  /**
   * Says that the sender was elected.
   *
   * @param startStreamingAt last position the two histories share; WAL above it is cut off
   */
  record Elected(int generation, long term, Lsn startStreamingAt, TermHistory history)
      implements Request {}

  /**
   * WAL to append, or only news of positions if {@code data} is empty.
   *
   * @param begin exactly where the acceptor's log ends
   */
  record Append(
      int generation, long term, Lsn begin, Lsn commitLsn, Lsn truncateLsn, ByteBuffer data)
      implements Request {
    /** Largest number of bytes in one request: 16 WAL pages. */
    public static final int DATA_SIZE_BYTES_MAX = 128 * 1024;

    public Append {
      if (data.remaining() > DATA_SIZE_BYTES_MAX) {
        throw new IllegalArgumentException(
            "append of %d bytes (at most %d)".formatted(data.remaining(), DATA_SIZE_BYTES_MAX));
      }
    }

    @Override
    public String toString() {
      return "Append[generation=%d, term=%d, begin=%s, size=%d, commitLsn=%s, truncateLsn=%s]"
          .formatted(generation, term, begin, data.remaining(), commitLsn, truncateLsn);
    }
  }
}
