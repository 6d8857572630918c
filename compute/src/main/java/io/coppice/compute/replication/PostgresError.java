package io.coppice.compute.replication;

import java.nio.ByteBuffer;

/** An error that Postgres reported. */
final class PostgresError extends Exception {
  private final String sqlState;

  private PostgresError(String sqlState, String message) {
    super(message);
    this.sqlState = sqlState;
  }

  /** Reads the fields of an ErrorResponse: a letter, then text ended by zero. */
  static PostgresError of(ByteBuffer body) {
    String sqlState = "";
    String text = "unknown error";
    while (body.hasRemaining()) {
      byte field = body.get();
      if (field == 0) {
        break;
      }
      String value = new PostgresConnection.Message('E', body).text();
      if (field == 'C') {
        sqlState = value;
      } else if (field == 'M') {
        text = value;
      }
    }
    return new PostgresError(sqlState, "Postgres: %s (%s)".formatted(text, sqlState));
  }

  /** Five characters, from {@code errcodes.txt}. */
  String sqlState() {
    return sqlState;
  }
}
