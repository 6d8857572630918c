package io.coppice.common.config;

import java.nio.file.Path;

/** Where the value of a setting came from; later ones in this list win. */
public sealed interface ConfigOrigin {

  /** Nobody set it. */
  record Default() implements ConfigOrigin {
    @Override
    public String toString() {
      return "default";
    }
  }

  /** A line of the TOML file, counted from 1. */
  record File(Path path, int line) implements ConfigOrigin {
    @Override
    public String toString() {
      return path + " line " + line;
    }
  }

  /** An environment variable. */
  record Environment(String variable) implements ConfigOrigin {
    @Override
    public String toString() {
      return "environment variable " + variable;
    }
  }

  /** The command line. */
  record Flag(String flag) implements ConfigOrigin {
    @Override
    public String toString() {
      return flag;
    }
  }
}
