package io.coppice.common.config;

import java.util.List;
import java.util.Map;

/** The value of each setting, with its origin. Every value has been parsed once already. */
public final class Settings {

  /** One setting as it stands. */
  public record Entry(ConfigKey<?> key, String text, ConfigOrigin origin) {}

  private final Map<ConfigKey<?>, Entry> entries;

  Settings(Map<ConfigKey<?>, Entry> entries) {
    this.entries = Map.copyOf(entries);
  }

  public <T> T get(ConfigKey<T> key) {
    return key.type().parse(entry(key).text());
  }

  public ConfigOrigin origin(ConfigKey<?> key) {
    return entry(key).origin();
  }

  /** All settings, in the order of {@link ConfigKeys#ALL}. */
  public List<Entry> entries() {
    return ConfigKeys.ALL.stream().map(this::entry).toList();
  }

  private Entry entry(ConfigKey<?> key) {
    Entry entry = entries.get(key);
    if (entry == null) {
      throw new IllegalArgumentException("not a key of ConfigKeys: " + key.name());
    }
    return entry;
  }
}
