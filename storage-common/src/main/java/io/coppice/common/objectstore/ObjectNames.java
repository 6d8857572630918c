package io.coppice.common.objectstore;

/** What a name of an object may look like, so that it can be a path and a URL as it stands. */
public final class ObjectNames {
  private static final int LENGTH_MAX = 900;

  private ObjectNames() {}

  public static void checkName(String name) {
    if (!isName(name)) {
      throw new IllegalArgumentException(
          "not an object name: \"%s\" (expected segments of letters, digits, '.', '_', '-')"
              .formatted(name));
    }
  }

  public static boolean isName(String name) {
    boolean valid = !name.isEmpty() && name.length() <= LENGTH_MAX;
    for (String segment : name.split("/", -1)) {
      valid &= isSegment(segment);
    }
    return valid;
  }

  /** A prefix of a name: its last segment may be unfinished. */
  public static void checkPrefix(String prefix) {
    int slash = prefix.lastIndexOf('/');
    if (slash >= 0) {
      checkName(prefix.substring(0, slash));
    }
    String rest = prefix.substring(slash + 1);
    if (!rest.isEmpty() && !isSegment(rest)) {
      throw new IllegalArgumentException("not a prefix of object names: \"" + prefix + '"');
    }
  }

  /** A prefix that ends in a slash, or is empty. */
  public static void checkDirectory(String prefix) {
    checkPrefix(prefix);
    if (!prefix.isEmpty() && !prefix.endsWith("/")) {
      throw new IllegalArgumentException("does not end in a slash: \"" + prefix + '"');
    }
  }

  private static boolean isSegment(String segment) {
    if (segment.isEmpty() || segment.startsWith(".") || segment.endsWith(".tmp")) {
      return false;
    }
    for (int i = 0; i < segment.length(); i++) {
      char c = segment.charAt(i);
      boolean known = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
      if (!known && "._-".indexOf(c) < 0) {
        return false;
      }
    }
    return true;
  }
}
