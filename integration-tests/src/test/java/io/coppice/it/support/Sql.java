package io.coppice.it.support;

import io.coppice.common.rpc.HostPort;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;

/** Short words for JDBC. */
public final class Sql {
  private static final int CONNECT_TIMEOUT_SECONDS = 10;
  private static final int SOCKET_TIMEOUT_SECONDS = 60;

  private Sql() {}

  /** A superuser's connection to a database; autocommit. */
  public static Connection connect(HostPort server, String database) throws SQLException {
    return connect(server, database, SOCKET_TIMEOUT_SECONDS);
  }

  /** The same; the connection is given up when an answer takes longer. */
  public static Connection connect(HostPort server, String database, int answerSecondsMax)
      throws SQLException {
    Properties properties = new Properties();
    properties.setProperty("user", "postgres");
    properties.setProperty("connectTimeout", Integer.toString(CONNECT_TIMEOUT_SECONDS));
    properties.setProperty("socketTimeout", Integer.toString(answerSecondsMax));
    properties.setProperty("tcpKeepAlive", "true");
    return DriverManager.getConnection(
        "jdbc:postgresql://%s:%d/%s".formatted(server.host(), server.port(), database), properties);
  }

  /** Whether a server lets us in. */
  public static boolean accepts(HostPort server) {
    try (Connection connection = connect(server, "postgres")) {
      return connection.isValid(CONNECT_TIMEOUT_SECONDS);
    } catch (SQLException _) {
      return false;
    }
  }

  /** Runs statements one after the other. */
  public static void run(Connection connection, String... statements) throws SQLException {
    try (Statement statement = connection.createStatement()) {
      for (String sql : statements) {
        statement.execute(sql);
      }
    }
  }

  /** The first column of the first row, as text. */
  public static String one(Connection connection, String query) throws SQLException {
    List<List<String>> rows = rows(connection, query);
    if (rows.size() != 1) {
      throw new SQLException("%d rows for %s".formatted(rows.size(), query));
    }
    return rows.getFirst().getFirst();
  }

  public static long number(Connection connection, String query) throws SQLException {
    return Long.parseLong(one(connection, query));
  }

  /** All rows, as text; null is the empty text. */
  public static List<List<String>> rows(Connection connection, String query) throws SQLException {
    List<List<String>> rows = new ArrayList<>();
    try (Statement statement = connection.createStatement();
        ResultSet result = statement.executeQuery(query)) {
      int columns = result.getMetaData().getColumnCount();
      while (result.next()) {
        List<String> row = new ArrayList<>(columns);
        for (int column = 1; column <= columns; column++) {
          String value = result.getString(column);
          row.add(value == null ? "" : value);
        }
        rows.add(row);
      }
    }
    return rows;
  }
}
