package io.coppice.cli.demo;

import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;

/** One connection for one statement after the other. */
final class Sql implements AutoCloseable {
  private final Connection connection;

  private Sql(Connection connection) {
    this.connection = connection;
  }

  static Sql connect(String url) throws SQLException {
    return new Sql(DriverManager.getConnection(url));
  }

  /** Runs statements that return nothing; how many rows the last one changed. */
  int run(String... statements) throws SQLException {
    int changed = 0;
    try (Statement statement = connection.createStatement()) {
      for (String text : statements) {
        changed = statement.executeUpdate(text);
      }
    }
    return changed;
  }

  String text(String query) throws SQLException {
    try (Statement statement = connection.createStatement();
        ResultSet result = statement.executeQuery(query)) {
      if (!result.next()) {
        throw new SQLException("no row: " + query);
      }
      return String.valueOf(result.getString(1));
    }
  }

  long number(String query) throws SQLException {
    return Long.parseLong(text(query));
  }

  @Override
  public void close() throws SQLException {
    connection.close();
  }
}
