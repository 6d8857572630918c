package io.coppice.it.mutation;

/**
 * An instruction that a defect can take the place of.
 *
 * @param className binary name
 * @param instruction its number in the class
 */
record MutationPoint(String className, String method, int line, int instruction, String defect) {
  /** Simple name of the class, or of the one that it is nested in. */
  String topClass() {
    int simpleName = className.lastIndexOf('.') + 1;
    int nested = className.indexOf('$', simpleName);
    return className.substring(simpleName, nested < 0 ? className.length() : nested);
  }

  @Override
  public String toString() {
    return "%s.%s:%d %s"
        .formatted(className.substring(className.lastIndexOf('.') + 1), method, line, defect);
  }
}
