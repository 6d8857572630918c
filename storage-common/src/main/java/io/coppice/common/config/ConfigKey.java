package io.coppice.common.config;

import java.util.Locale;

/**
 * One setting.
 *
 * @param name as in {@code --set}: the section and the key with a dot between; a key of no section
 *     has no dot
 * @param defaultText what it is if nobody sets it; empty for a path that follows from others
 * @param description one sentence for the reference
 */
public record ConfigKey<T>(
    String name, ConfigType<T> type, String defaultText, String description) {

  /** {@code COPPICE_} and the name in capitals, each dot as two underscores. */
  public String environmentVariable() {
    return ConfigKeys.ENVIRONMENT_PREFIX + name.replace(".", "__").toUpperCase(Locale.ROOT);
  }
}
