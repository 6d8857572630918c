package io.coppice.it.support;

import static org.assertj.core.api.Assertions.assertThat;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.postgres.control.CheckPoint;
import io.coppice.postgres.control.ClusterState;
import io.coppice.postgres.control.ControlFile;
import io.coppice.postgres.wal.ShutdownCheckpoint;
import io.coppice.postgres.wal.WalSegmentName;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

/** The log of a stock server that is shut down. */
public final class ServerLog {
  private ServerLog() {}

  /**
   * Puts a log and a pg_control of ours in the place of the server's.
   *
   * @param lsn where the log is to begin, after where it is now
   * @param checkPoint what the server is to start from
   * @return where the checkpoint begins
   */
  public static Lsn replace(Path data, Lsn lsn, CheckPoint checkPoint)
      throws IOException, StorageException {
    Path controlPath = data.resolve(ControlFile.PATH);
    ControlFile control = ControlFile.read(Files.readAllBytes(controlPath));
    assertThat(control.state()).isEqualTo(ClusterState.SHUT_DOWN);
    assertThat(control.checkPointLsn()).isLessThan(lsn);
    ShutdownCheckpoint made =
        ShutdownCheckpoint.at(
            control.version(),
            control.walSegmentSizeBytes(),
            control.systemId(),
            lsn,
            control.checkPointLsn(),
            checkPoint);
    control.setCheckPoint(made.start(), made.checkPoint());
    Files.write(controlPath, control.toBytes());
    Path wal = data.resolve(WalSegmentName.DIRECTORY);
    try (Stream<Path> files = Files.list(wal)) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        Files.delete(file);
      }
    }
    for (ShutdownCheckpoint.WalFile file : made.files()) {
      Files.write(wal.resolve(file.fileName()), file.bytes());
    }
    return made.start();
  }

  /** What the server would start from. */
  public static CheckPoint checkPoint(Path data) throws IOException, StorageException {
    return ControlFile.read(Files.readAllBytes(data.resolve(ControlFile.PATH))).checkPoint();
  }
}
