package io.coppice.safekeeper.wal;

import io.coppice.common.error.StorageException;
import io.coppice.common.platform.DurableFiles;
import io.coppice.safekeeper.consensus.AcceptorState;
import io.coppice.safekeeper.consensus.AcceptorStateStore;
import io.coppice.safekeeper.consensus.DiskFailure;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/** Keeps an acceptor's state in its control file, which is replaced as a whole. */
final class ControlFileStore implements AcceptorStateStore {
  private final Path file;

  ControlFileStore(Path file) {
    this.file = file;
  }

  /** The stored state; empty if there is none yet. */
  Optional<AcceptorState> load() throws StorageException, IOException {
    if (!Files.exists(file)) {
      return Optional.empty();
    }
    if (Files.size(file) > ControlFileCodec.SIZE_BYTES_MAX) {
      throw new StorageException.Corrupt(
          "%s: expected at most %d bytes, found %d"
              .formatted(file, ControlFileCodec.SIZE_BYTES_MAX, Files.size(file)));
    }
    return Optional.of(ControlFileCodec.decode(file, Files.readAllBytes(file)));
  }

  @Override
  public void persist(AcceptorState state) throws StorageException.Transient, DiskFailure {
    Path temporary = DurableFiles.temporaryOf(file);
    try {
      DurableFiles.write(temporary, ControlFileCodec.encode(state));
    } catch (IOException e) {
      DiskFull.deleteQuietly(temporary, e);
      if (DiskFull.isCauseOf(e)) {
        throw new StorageException.Transient(
            "no room for %s: %s".formatted(file, e.getMessage()), e);
      }
      throw new DiskFailure("cannot write " + temporary, e);
    }
    try {
      DurableFiles.renameDurably(temporary, file);
    } catch (IOException e) {
      throw new DiskFailure("cannot replace " + file, e);
    }
  }
}
