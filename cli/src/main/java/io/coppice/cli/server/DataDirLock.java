package io.coppice.cli.server;

import io.coppice.cli.output.CommandFailure;
import io.coppice.cli.output.ExitCode;
import io.coppice.common.platform.DurableFiles;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** Keeps two {@code coppice up} from one data directory. Let go by the system if we die. */
final class DataDirLock implements AutoCloseable {
  private static final String FILE_NAME = "coppice.lock";

  private final FileChannel channel;

  private DataDirLock(FileChannel channel) {
    this.channel = channel;
  }

  static DataDirLock take(Path dataDir) throws IOException, CommandFailure {
    DurableFiles.createDirectories(dataDir);
    FileChannel channel =
        FileChannel.open(
            dataDir.resolve(FILE_NAME), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
    if (!isTaken(channel)) {
      channel.close();
      throw new CommandFailure(
          ExitCode.BUSY,
          "another `coppice up` is running on the data directory %s".formatted(dataDir));
    }
    return new DataDirLock(channel);
  }

  private static boolean isTaken(FileChannel channel) throws IOException {
    try {
      return channel.tryLock() != null;
    } catch (OverlappingFileLockException _) {
      return false; // by ourselves
    }
  }

  @Override
  public void close() throws IOException {
    channel.close();
  }
}
