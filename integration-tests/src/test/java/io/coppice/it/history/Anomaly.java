package io.coppice.it.history;

/** Something that a serializable database that loses nothing does not show. */
public record Anomaly(Kind kind, String what) {

  /** Names are those of Adya and of Elle. */
  public enum Kind {
    /** An acknowledged append is not in the list at the end. */
    LOST_APPEND,
    /** An element is in a list twice. */
    DUPLICATE,
    /** Nobody appended that element to that list. */
    STRANGER,
    /** G1a: an element of a transaction that failed was seen. */
    ABORTED_READ,
    /** G1b: a state was seen that a transaction made and left again. */
    INTERMEDIATE_READ,
    /** Two states of a list were seen of which neither came from the other. */
    INCOMPATIBLE_ORDER,
    /** A transaction does not see what it did or saw itself. */
    INTERNAL,
    /** An append that had been acknowledged before a transaction began was not seen by it. */
    STALE_READ,
    /** Appends of transactions follow each other in a circle. */
    G0,
    /** As G0, with reads of each other's appends. */
    G1C,
    /** A circle with one read that missed an append. */
    G_SINGLE,
    /** A circle with several reads that missed appends. */
    G2
  }

  @Override
  public String toString() {
    return kind + ": " + what;
  }
}
