package io.coppice.common.config;

import io.coppice.common.error.StorageException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import org.tomlj.Toml;
import org.tomlj.TomlArray;
import org.tomlj.TomlParseResult;
import org.tomlj.TomlPosition;
import org.tomlj.TomlTable;

/**
 * Puts settings together: a flag wins over the environment, that over the file, that over the
 * default. All mistakes are told at once.
 */
public final class ConfigLoader {
  private final Map<ConfigKey<?>, Settings.Entry> entries = new LinkedHashMap<>();
  private final List<String> problems = new ArrayList<>();

  private ConfigLoader() {}

  /**
   * Loads and checks.
   *
   * @param file TOML; none if empty
   * @param environment only variables that begin with {@link ConfigKeys#ENVIRONMENT_PREFIX} matter
   * @param assignments texts {@code key=value} from {@code --set}; the last of a key wins
   * @throws StorageException.Invalid if the file cannot be read, a key is not known or a value not
   *     accepted; the message has one line for each, with its origin
   */
  public static Settings load(
      Optional<Path> file, Map<String, String> environment, List<String> assignments)
      throws StorageException {
    ConfigLoader loader = new ConfigLoader();
    for (ConfigKey<?> key : ConfigKeys.ALL) {
      loader.set(key, key.defaultText(), new ConfigOrigin.Default());
    }
    if (file.isPresent()) {
      loader.readFile(file.get());
    }
    loader.readEnvironment(environment);
    loader.readAssignments(assignments);
    if (!loader.problems.isEmpty()) {
      throw new StorageException.Invalid(String.join("\n", loader.problems));
    }
    return new Settings(loader.entries);
  }

  private void readFile(Path file) {
    TomlParseResult toml;
    try {
      toml = Toml.parse(file);
    } catch (IOException e) {
      problems.add("cannot read the configuration file %s: %s".formatted(file, reason(e)));
      return;
    }
    toml.errors()
        .forEach(error ->
            problems.add(
                "%s line %d: %s".formatted(file, error.position().line(), error.getMessage())));
    readTable(file, toml, "");
  }

  private static String reason(IOException e) {
    return e instanceof java.nio.file.NoSuchFileException
        ? "there is no such file"
        : String.valueOf(e.getMessage());
  }

  private void readTable(Path file, TomlTable table, String prefix) {
    for (String part : table.keySet()) {
      String name = prefix + part;
      List<String> path = List.of(part);
      ConfigOrigin origin = new ConfigOrigin.File(file, line(table.inputPositionOf(path)));
      Object value = table.get(path);
      boolean isSection = names().stream().anyMatch(known -> known.startsWith(name + "."));
      if (value instanceof TomlTable section && (isSection || !ConfigKeys.names().contains(name))) {
        if (isSection) {
          readTable(file, section, name + ".");
        } else {
          problems.add(unknown(origin, "section", name, sections()));
        }
      } else {
        assign(name, text(value), origin);
      }
    }
  }

  private static int line(@Nullable TomlPosition position) {
    return position == null ? 0 : position.line();
  }

  private static List<String> names() {
    return ConfigKeys.names();
  }

  private static List<String> sections() {
    return names().stream()
        .filter(name -> name.contains("."))
        .map(name -> name.substring(0, name.indexOf('.')))
        .distinct()
        .toList();
  }

  private static String text(@Nullable Object value) {
    if (value instanceof TomlArray array) {
      return String.join(",", array.toList().stream().map(String::valueOf).toList());
    }
    return String.valueOf(value);
  }

  private void readEnvironment(Map<String, String> environment) {
    new TreeMap<>(environment)
        .forEach((variable, value) -> {
          if (variable.startsWith(ConfigKeys.ENVIRONMENT_PREFIX)
              && !ConfigKeys.RESERVED_VARIABLES.contains(variable)) {
            readVariable(variable, value);
          }
        });
  }

  private void readVariable(String variable, String value) {
    ConfigOrigin origin = new ConfigOrigin.Environment(variable);
    for (ConfigKey<?> key : ConfigKeys.ALL) {
      if (key.environmentVariable().equals(variable)) {
        set(key, value, origin);
        return;
      }
    }
    List<String> known = ConfigKeys.ALL.stream().map(ConfigKey::environmentVariable).toList();
    problems.add(
        "%s: sets nothing%s".formatted(origin, suggestion(NearestName.of(variable, known))));
  }

  private void readAssignments(List<String> assignments) {
    for (String assignment : assignments) {
      int equals = assignment.indexOf('=');
      if (equals < 1) {
        problems.add("--set %s: expected key=value".formatted(assignment));
        continue;
      }
      String name = assignment.substring(0, equals).strip();
      assign(name, assignment.substring(equals + 1), new ConfigOrigin.Flag("--set " + name));
    }
  }

  private void assign(String name, String text, ConfigOrigin origin) {
    Optional<ConfigKey<?>> key = ConfigKeys.find(name);
    if (key.isPresent()) {
      set(key.get(), text, origin);
    } else {
      problems.add(unknown(origin, "key", name, names()));
    }
  }

  private static String unknown(ConfigOrigin origin, String what, String name, List<String> known) {
    return "%s: unknown %s \"%s\"%s"
        .formatted(origin, what, name, suggestion(NearestName.of(name, known)));
  }

  private static String suggestion(Optional<String> nearest) {
    return nearest
        .map(" (did you mean \"%s\"?)"::formatted)
        .orElse(" (`coppice config print --effective` lists those there are)");
  }

  private void set(ConfigKey<?> key, String text, ConfigOrigin origin) {
    try {
      var _ = key.type().parse(text);
    } catch (IllegalArgumentException e) {
      problems.add("%s: %s: %s".formatted(origin, key.name(), e.getMessage()));
      return;
    }
    entries.put(key, new Settings.Entry(key, text, origin));
  }
}
