package io.coppice.house;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Rules about the text of files. Each gives the violations, one line each: the place, what is wrong
 * and what to do.
 */
final class TextRules {
  static final int FILE_LINES_MAX = 500;

  /** Written in two parts so that this file obeys the rule. */
  private static final Pattern UNFINISHED = Pattern.compile("\\b(TO" + "DO|FIX" + "ME)\\b");

  /** A name of one letter, as in examples, is nobody's. */
  private static final Pattern MACHINE_PATH =
      Pattern.compile("(?<![\\w.*/}$-])/(work|home|root|Users)" + "/[\\w.-]{2}");

  private static final Pattern PROCESS_TAG = Pattern.compile("@Tag\\(\"process\"\\)");
  private static final Pattern TIMEOUT = Pattern.compile("@Timeout\\(");
  private static final Pattern NULL_MARKED_PACKAGE =
      Pattern.compile("/\\*\\*.*\\*/.*@NullMarked\\s+package ", Pattern.DOTALL);

  private TextRules() {}

  /** Work left for later belongs into an issue, not into a comment. */
  static List<String> unfinished(List<SourceFile> files) {
    return matches(files, UNFINISHED, "is banned: do it, or write an issue");
  }

  /** A path that exists on one person's machine only. */
  static List<String> machinePaths(List<SourceFile> files) {
    return matches(files, MACHINE_PATH, "is a path of one machine: take it as an argument");
  }

  /**
   * Files are at most {@link #FILE_LINES_MAX} lines long. A file in the ratchet list may be as long
   * as the list says, and the list may only shrink.
   *
   * @param ratchet path to its permitted lines
   */
  static List<String> fileLengths(List<SourceFile> javaFiles, Map<String, Integer> ratchet) {
    List<String> violations = new ArrayList<>();
    Map<String, Integer> unused = new TreeMap<>(ratchet);
    for (SourceFile file : javaFiles) {
      int lines = file.lineCount();
      Integer permitted = unused.remove(file.path());
      if (permitted == null && lines > FILE_LINES_MAX) {
        violations.add(
            "%s: %d lines, at most %d: split it by concern"
                .formatted(file.path(), lines, FILE_LINES_MAX));
      } else if (permitted != null && lines > permitted) {
        violations.add(
            "%s: %d lines, the ratchet list permits %d: it may only shrink"
                .formatted(file.path(), lines, permitted));
      } else if (permitted != null && lines < permitted) {
        violations.add(
            "%s: %d lines now: %s in the ratchet list"
                .formatted(
                    file.path(),
                    lines,
                    lines > FILE_LINES_MAX ? "write that" : "delete it from being"));
      }
    }
    unused.forEach((path, _) -> violations.add(path + ": is in the ratchet list but not here"));
    return violations;
  }

  /** Every package says what its one job is, and is null-marked. */
  static List<String> packageInfos(List<SourceFile> javaFiles) {
    Set<String> described = new HashSet<>();
    List<String> violations = new ArrayList<>();
    for (SourceFile file : javaFiles) {
      if (file.isPackageInfo()) {
        described.add(file.directory());
        if (!NULL_MARKED_PACKAGE.matcher(file.text()).find()) {
          violations.add(file.path() + ": needs Javadoc (the package's one job) and @NullMarked");
        }
      }
    }
    Set<String> missing = new HashSet<>();
    for (SourceFile file : javaFiles) {
      String directory = file.directory();
      // A test in the package that it tests is described by that package's own file.
      String tested = directory.replace("/src/test/java/", "/src/main/java/");
      if ((file.isMainJava() || file.isTestJava())
          && !described.contains(directory)
          && !described.contains(tested)
          && missing.add(directory)) {
        violations.add(directory + ": has no package-info.java");
      }
    }
    return violations;
  }

  /** Tests of real processes can hang, so they end by themselves. */
  static List<String> processTimeouts(List<SourceFile> javaFiles) {
    List<String> violations = new ArrayList<>();
    for (SourceFile file : javaFiles) {
      if (file.isTestJava()
          && PROCESS_TAG.matcher(file.text()).find()
          && !TIMEOUT.matcher(file.text()).find()) {
        violations.add(file.path() + ": tests real processes and needs @Timeout");
      }
    }
    return violations;
  }

  private static List<String> matches(List<SourceFile> files, Pattern banned, String advice) {
    List<String> violations = new ArrayList<>();
    for (SourceFile file : files) {
      int line = 0;
      for (String text : file.text().lines().toList()) {
        line++;
        Matcher matcher = banned.matcher(text);
        if (matcher.find()) {
          violations.add("%s:%d: %s %s".formatted(file.path(), line, matcher.group(), advice));
        }
      }
    }
    return violations;
  }
}
