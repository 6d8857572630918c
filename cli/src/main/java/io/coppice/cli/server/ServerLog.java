package io.coppice.cli.server;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import io.coppice.common.config.ConfigType.LogLevel;
import org.slf4j.LoggerFactory;

/** Servers say what they do; other commands only what goes wrong. */
final class ServerLog {
  private static final String OURS = "io.coppice";

  private ServerLog() {}

  static void setLevel(LogLevel level) {
    if (LoggerFactory.getLogger(OURS) instanceof Logger logger) {
      logger.setLevel(
          switch (level) {
            case ERROR -> Level.ERROR;
            case WARN -> Level.WARN;
            case INFO -> Level.INFO;
            case DEBUG -> Level.DEBUG;
            case TRACE -> Level.TRACE;
          });
    }
  }
}
