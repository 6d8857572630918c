package io.coppice.pageserver.tenant;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.TimelineId;
import java.util.Optional;

/** Names of tenants and branches, as users give them. They become no path and no object's name. */
final class Names {
  private static final int LENGTH_MAX = 128;

  private Names() {}

  static void check(String name) throws StorageException.Invalid {
    boolean isPrintable = name.codePoints().allMatch(c -> c > ' ' && c != 0x7F && c < 0xD800);
    if (name.isEmpty() || name.length() > LENGTH_MAX || !isPrintable) {
      throw new StorageException.Invalid(
          "not a name: \"%s\" (expected 1 to %d characters without spaces)"
              .formatted(shown(name), LENGTH_MAX));
    }
  }

  /** Fit for a message. */
  static String shown(String text) {
    String cut = text.length() <= LENGTH_MAX ? text : text.substring(0, LENGTH_MAX);
    return cut.codePoints()
        .map(c -> Character.isISOControl(c) ? '?' : c)
        .collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append)
        .toString();
  }

  /** The id, if it is one. */
  static Optional<TimelineId> parseId(String text) {
    try {
      return Optional.of(TimelineId.parse(text));
    } catch (IllegalArgumentException _) {
      return Optional.empty();
    }
  }
}
