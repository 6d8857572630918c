package io.coppice.compute.endpoint;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.compute.archive.TarUnpacker;
import io.coppice.compute.postgres.RunAs;
import io.coppice.compute.storage.BranchInfo;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;

/** Gets data directories of a branch from the page server. */
record DataFetch(EndpointSpec spec, BranchInfo branch, RunAs runAs) {

  /**
   * Unpacks a base backup while it comes, and makes it ready to start.
   *
   * @param lsn {@link Lsn#INVALID} takes the newest
   * @param data an empty directory
   */
  TarUnpacker.Unpacked into(Path data, Lsn lsn) throws StorageException {
    try (InputStream backup = spec.pageserver().baseBackup(branch.id(), lsn)) {
      TarUnpacker.Unpacked unpacked = TarUnpacker.unpackData(backup, data);
      EndpointSettings.write(data, branch.name(), spec.settings());
      runAs.own(data);
      return unpacked;
    } catch (IOException e) {
      if (e.getCause() instanceof StorageException known) {
        throw known;
      }
      throw new StorageException.Transient(
          "cannot unpack the base backup at %s into %s: %s".formatted(lsn, data, e), e);
    }
  }
}
