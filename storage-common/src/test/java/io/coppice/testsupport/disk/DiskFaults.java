package io.coppice.testsupport.disk;

import java.io.IOException;
import java.nio.file.Path;

/** Asked before and after every operation that changes a {@link SimDisk}, or reads from it. */
public interface DiskFaults {

  /** What is done to the disk. */
  enum Operation {
    READ,
    WRITE,
    TRUNCATE,
    SYNC_FILE,
    SYNC_DIRECTORY,
    CREATE,
    CREATE_DIRECTORY,
    RENAME,
    DELETE
  }

  /** No faults. */
  DiskFaults NONE = (_, _) -> {};

  /**
   * May let the operation fail, or the power; nothing has been done yet.
   *
   * @throws IOException what the caller gets to see
   * @throws PowerLost if that is the end
   */
  void before(Operation operation, Path path) throws IOException;

  /** May let the power fail; the operation has been done. */
  default void after(Operation operation, Path path) {}
}
