package io.coppice.common.config;

import java.util.Collection;
import java.util.Locale;
import java.util.Optional;

/** Finds what was probably meant by a misspelt name. */
public final class NearestName {
  private NearestName() {}

  /** The known name with the fewest edits between, if there are few enough to be a slip. */
  public static Optional<String> of(String misspelt, Collection<String> known) {
    String best = null;
    int bestEdits = Integer.MAX_VALUE;
    for (String name : known) {
      int edits = edits(misspelt.toLowerCase(Locale.ROOT), name.toLowerCase(Locale.ROOT));
      if (edits < bestEdits) {
        best = name;
        bestEdits = edits;
      }
    }
    if (best == null || bestEdits > Math.max(2, best.length() / 3)) {
      return Optional.empty();
    }
    return Optional.of(best);
  }

  /** Levenshtein's distance: insertions, deletions and replacements of single characters. */
  private static int edits(String a, String b) {
    int[] previous = new int[b.length() + 1];
    for (int j = 0; j <= b.length(); j++) {
      previous[j] = j;
    }
    for (int i = 1; i <= a.length(); i++) {
      int[] current = new int[b.length() + 1];
      current[0] = i;
      for (int j = 1; j <= b.length(); j++) {
        int replaced = previous[j - 1] + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
        current[j] = Math.min(replaced, Math.min(previous[j], current[j - 1]) + 1);
      }
      previous = current;
    }
    return previous[b.length()];
  }
}
