package io.coppice.pageserver.remote;

/**
 * Something in an object store that is not as indexes say.
 *
 * @param object its name
 * @param problem what is wrong with it
 * @param repaired whether it is right again
 */
public record ScrubProblem(Kind kind, String object, String problem, boolean repaired) {

  /** What it means. */
  public enum Kind {
    /** It is needed. Data is lost unless there is another copy. */
    MISSING,
    /** The same. */
    DAMAGED,
    /** Nothing needs it: what a crash leaves, and each start of a page server. */
    ORPHANED
  }

  static ScrubProblem missing(String object, String problem, boolean repaired) {
    return new ScrubProblem(Kind.MISSING, object, problem, repaired);
  }

  static ScrubProblem damaged(String object, String problem, boolean repaired) {
    return new ScrubProblem(Kind.DAMAGED, object, problem, repaired);
  }

  static ScrubProblem orphaned(String object, String problem) {
    return new ScrubProblem(Kind.ORPHANED, object, problem, false);
  }
}
