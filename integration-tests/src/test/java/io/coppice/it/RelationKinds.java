package io.coppice.it;

import io.coppice.common.id.Fork;
import io.coppice.common.rpc.HostPort;
import io.coppice.it.support.Sql;
import io.coppice.postgres.page.PageKind;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;

/** What the catalogs of all databases say about the files of relations. */
final class RelationKinds {
  private static final String QUERY =
      """
      select pg_relation_filepath(oid), relkind, relam, relpersistence, relname
      from pg_class where pg_relation_filepath(oid) is not null
      """;

  private final Map<String, Kind> byPath = new HashMap<>();

  private final Map<String, Integer> databaseOids = new HashMap<>();

  private record Kind(char relkind, int accessMethodOid, String name) {}

  private RelationKinds() {}

  /** Reads the catalogs; opens databases that let nobody in, and leaves them open. */
  static RelationKinds read(HostPort server) throws SQLException {
    RelationKinds kinds = new RelationKinds();
    List<List<String>> databases;
    try (Connection connection = Sql.connect(server, "postgres")) {
      Sql.run(connection, "alter database template0 allow_connections true");
      databases = Sql.rows(connection, "select datname, oid from pg_database order by 1");
    }
    for (List<String> database : databases) {
      kinds.databaseOids.put(database.get(0), Integer.valueOf(database.get(1)));
      try (Connection connection = Sql.connect(server, database.getFirst())) {
        for (List<String> row : Sql.rows(connection, QUERY)) {
          kinds.byPath.put(
              row.get(0),
              new Kind(
                  row.get(1).charAt(0),
                  Integer.parseInt(row.get(2)),
                  database.getFirst() + "." + row.get(4)));
        }
      }
    }
    return kinds;
  }

  /** The oid of a database. */
  int databaseOid(String name) {
    return Objects.requireNonNull(databaseOids.get(name), name);
  }

  /** The kind of a file's pages; empty if no catalog knows it. */
  Optional<PageKind> of(RelationFiles.ForkFile file) {
    if (file.fork() == Fork.VM) {
      return Optional.of(PageKind.VISIBILITY_MAP);
    }
    return Optional.ofNullable(byPath.get(file.mainPath()))
        .map(kind -> PageKind.of(kind.relkind(), kind.accessMethodOid(), file.fork()));
  }

  /** A person's name for a file. */
  String name(RelationFiles.ForkFile file) {
    Kind kind = byPath.get(file.mainPath());
    return kind == null ? file.path() : "%s (%s)".formatted(file.path(), kind.name());
  }
}
