package io.coppice.it.corpus;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.rpc.HostPort;
import io.coppice.it.support.ServerLog;
import io.coppice.it.support.Sql;
import io.coppice.postgres.control.CheckPoint;
import io.coppice.postgres.datadir.SlruKind;
import io.coppice.postgres.page.Page;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.Arrays;
import java.util.List;

/**
 * A cluster whose transactions and multixacts are counted on as if it had run for long, so that the
 * first segments of what it keeps about them are let go once all is frozen.
 */
final class AgedCluster {
  /** In the second segment of the commit log, and far behind the first of commit timestamps. */
  private static final int NEXT_XID = 1_200_000;

  private static final int COMMIT_TS_SEGMENT = 45;

  /** In the second segment of offsets. */
  private static final int NEXT_MULTI = 70_000;

  /** In the second segment of members. */
  private static final int NEXT_MEMBER = 60_000;

  private static final int SEGMENT_BYTES = SlruKind.PAGES_PER_SEGMENT * Page.SIZE_BYTES;
  private static final int WAL_SEGMENT_BYTES = 16 << 20;

  private AgedCluster() {}

  /** Ages a cluster that is shut down. */
  static void age(Path data) throws IOException, StorageException {
    CheckPoint checkPoint = ServerLog.checkPoint(data);
    long segment = checkPoint.redo().value() / WAL_SEGMENT_BYTES;
    ServerLog.replace(
        data,
        new Lsn((segment + 1) * WAL_SEGMENT_BYTES),
        checkPoint
            .setNextFullXid(NEXT_XID)
            .setNextMulti(NEXT_MULTI)
            .setNextMultiOffset(NEXT_MEMBER));
    for (SlruKind kind :
        List.of(SlruKind.CLOG, SlruKind.MULTIXACT_OFFSETS, SlruKind.MULTIXACT_MEMBERS)) {
      extend(data.resolve(kind.path(0)));
      extend(data.resolve(kind.path(1)));
    }
    extend(data.resolve(SlruKind.COMMIT_TS.path(COMMIT_TS_SEGMENT)));
  }

  private static void extend(Path segment) throws IOException {
    byte[] pages = Files.exists(segment) ? Files.readAllBytes(segment) : new byte[0];
    Files.write(segment, Arrays.copyOf(pages, SEGMENT_BYTES));
  }

  /** Freezes all tuples of all databases. */
  static void freeze(HostPort server) throws SQLException {
    List<List<String>> databases;
    try (Connection connection = Sql.connect(server, "postgres")) {
      Sql.run(connection, "alter database template0 allow_connections true");
      databases = Sql.rows(connection, "select datname from pg_database where datallowconn");
    }
    for (List<String> database : databases) {
      try (Connection connection = Sql.connect(server, database.getFirst())) {
        Sql.run(connection, "vacuum freeze");
      }
    }
  }
}
