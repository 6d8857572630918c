package io.coppice.cli.server;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.encoder.JsonEncoder;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.OutputStreamAppender;
import io.coppice.common.config.ConfigType.LogFormat;
import io.coppice.common.config.ConfigType.LogLevel;
import org.slf4j.LoggerFactory;

/** Servers say what they do; other commands only what goes wrong. */
final class ServerLog {
  private static final String OURS = "io.coppice";

  private ServerLog() {}

  /** How much is said, and in which form. */
  static void set(LogLevel level, LogFormat format) {
    setLevel(level);
    if (format == LogFormat.JSON
        && LoggerFactory.getLogger(org.slf4j.Logger.ROOT_LOGGER_NAME) instanceof Logger root) {
      root.iteratorForAppenders()
          .forEachRemaining(appender -> {
            if (appender instanceof OutputStreamAppender<ILoggingEvent> stream) {
              JsonEncoder encoder = new JsonEncoder();
              encoder.setContext(root.getLoggerContext());
              encoder.setWithSequenceNumber(false);
              encoder.setWithNanoseconds(false);
              encoder.setWithContext(false);
              encoder.setWithMarkers(false);
              encoder.setWithKVPList(false);
              encoder.setWithFormattedMessage(true);
              encoder.setWithMessage(false);
              encoder.setWithArguments(false);
              encoder.start();
              stream.setEncoder(encoder);
            }
          });
    }
  }

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
