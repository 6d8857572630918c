package io.coppice.it.support;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** What a process serves to Prometheus: names of samples, and the labels that each has. */
public final class Exposition {
  private static final Pattern TYPE = Pattern.compile("# TYPE (\\S+) (\\S+)");
  private static final Pattern SAMPLE = Pattern.compile("([a-z0-9_]+)(?:\\{(.*)})? \\S+");
  private static final Pattern LABEL = Pattern.compile("([a-z_]+)\\s*(?:=~|!~|!=|=)\\s*\"");
  private static final Pattern USE =
      Pattern.compile("\\b((?:coppice|jvm|process|system)_[a-z0-9_]+)(?:\\{([^}]*)})?");
  private static final Pattern GROUPING = Pattern.compile("\\bby\\s*\\(([^)]*)\\)");

  /** Labels that Prometheus adds itself, or that all histograms have. */
  private static final Set<String> FREE_LABELS = Set.of("instance", "job", "le");

  private final Set<String> families = new TreeSet<>();
  private final Map<String, Set<String>> labels = new HashMap<>();

  private Exposition() {}

  /** Reads Prometheus's text format. */
  public static Exposition parse(String text) {
    Exposition read = new Exposition();
    Set<String> histograms = new HashSet<>();
    for (String line : text.lines().toList()) {
      Matcher type = TYPE.matcher(line);
      Matcher sample = SAMPLE.matcher(line);
      if (type.matches()) {
        read.families.add(type.group(1));
        if (type.group(2).equals("histogram")) {
          histograms.add(type.group(1));
        }
      } else if (sample.matches()) {
        Set<String> known = read.labels.computeIfAbsent(sample.group(1), _ -> new HashSet<>());
        known.addAll(labelNames(sample.group(2) == null ? "" : sample.group(2)));
      }
    }
    histograms.forEach(name -> read.families.remove(name + "_max"));
    return read;
  }

  private static List<String> labelNames(String selector) {
    List<String> names = new ArrayList<>();
    Matcher matcher = LABEL.matcher(selector);
    while (matcher.find()) {
      names.add(matcher.group(1));
    }
    return names;
  }

  /** Names of metrics, without those that come along with a histogram. */
  public Set<String> families() {
    return families;
  }

  /** What expressions use that is not there: metrics, and labels of them. One line, one use. */
  public List<String> misused(String expressions) {
    List<String> wrong = new ArrayList<>();
    for (String line : expressions.lines().toList()) {
      Set<String> lineLabels = new HashSet<>(FREE_LABELS);
      Matcher use = USE.matcher(line);
      while (use.find()) {
        Set<String> has = labels.get(use.group(1));
        if (has == null) {
          wrong.add(use.group(1));
          continue;
        }
        lineLabels.addAll(has);
        for (String label : labelNames(use.group(2) == null ? "" : use.group(2))) {
          if (!has.contains(label) && !FREE_LABELS.contains(label)) {
            wrong.add(use.group(1) + " with label " + label);
          }
        }
      }
      Matcher grouping = GROUPING.matcher(line);
      while (grouping.find()) {
        for (String label : grouping.group(1).split(",", -1)) {
          if (!lineLabels.contains(label.strip())) {
            wrong.add("label " + label.strip() + " in: " + line.strip());
          }
        }
      }
    }
    return wrong;
  }
}
