package io.coppice.it.corpus;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * A file of SQL: statements apart by blank lines. One that begins with {@code -- session N} runs on
 * a session of its own, which stays until the file ends. A first statement that is only {@code --
 * majors 15-18} says for which majors the file is.
 */
record CorpusScript(String name, int majorMin, int majorMax, List<Step> steps) {
  private static final Path DIRECTORY = Path.of("src/test/resources/corpus");
  private static final Pattern SESSION = Pattern.compile("-- session (\\d)\\n(?s)(.*)");
  private static final Pattern MAJORS = Pattern.compile("-- majors (\\d+)-(\\d+)");
  private static final Pattern BLANK_LINES = Pattern.compile("\\n[ \\t]*\\n\\s*");

  /** A statement, and the number of its session. */
  record Step(int session, String sql) {}

  /** All scripts for a major, in order of names. */
  static List<CorpusScript> all(int major) throws IOException {
    List<CorpusScript> scripts = new ArrayList<>();
    try (Stream<Path> files = Files.list(DIRECTORY)) {
      for (Path file : files.filter(f -> f.toString().endsWith(".sql")).sorted().toList()) {
        CorpusScript script = parse(String.valueOf(file.getFileName()), Files.readString(file));
        if (major >= script.majorMin && major <= script.majorMax) {
          scripts.add(script);
        }
      }
    }
    return scripts;
  }

  static CorpusScript parse(String name, String text) {
    int majorMin = 0;
    int majorMax = Integer.MAX_VALUE;
    List<Step> steps = new ArrayList<>();
    for (String part : BLANK_LINES.split(text.strip(), -1)) {
      Matcher majors = MAJORS.matcher(part);
      Matcher session = SESSION.matcher(part);
      if (majors.matches()) {
        majorMin = Integer.parseInt(majors.group(1));
        majorMax = Integer.parseInt(majors.group(2));
      } else if (session.matches()) {
        steps.add(new Step(Integer.parseInt(session.group(1)), session.group(2)));
      } else {
        steps.add(new Step(0, part));
      }
    }
    return new CorpusScript(name, majorMin, majorMax, List.copyOf(steps));
  }

  /** Opens sessions. */
  interface Sessions {
    Connection open() throws SQLException;
  }

  void run(Sessions sessions) throws SQLException {
    Map<Integer, Connection> open = new HashMap<>();
    try {
      for (Step step : steps) {
        Connection connection = open.get(step.session);
        if (connection == null) {
          connection = sessions.open();
          open.put(step.session, connection);
        }
        try (Statement statement = connection.createStatement()) {
          statement.execute(step.sql);
        } catch (SQLException e) {
          throw new SQLException("%s: %s%n%s".formatted(name, e.getMessage(), step.sql), e);
        }
      }
    } finally {
      for (Connection connection : open.values()) {
        connection.close();
      }
    }
  }
}
