package io.coppice.it.mutation;

import java.util.BitSet;

/** What rewritten classes call while they run. Of one thread. */
public final class Probe {
  /** What redo of one record needs is far below. */
  private static final int LOOPS_MAX = 1_000_000;

  private static final BitSet REACHED = new BitSet();
  private static int loops;

  private Probe() {}

  /** A loop took so many turns within one record that it may have no end. */
  static final class Endless extends RuntimeException {
    private static final long serialVersionUID = 1L;

    Endless() {
      super(LOOPS_MAX + " turns of loops in one record");
    }
  }

  /** A place at which a defect may be planted is about to be executed. */
  public static void reach(int place) {
    REACHED.set(place);
  }

  /** A loop begins another turn. */
  public static void loop() {
    if (++loops > LOOPS_MAX) {
      throw new Endless();
    }
  }

  /** The next record begins. */
  static void reset() {
    REACHED.clear();
    loops = 0;
  }

  /** Places reached since the last reset; changes with the next. */
  static BitSet reached() {
    return REACHED;
  }
}
