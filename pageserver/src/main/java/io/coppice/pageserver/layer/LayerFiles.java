package io.coppice.pageserver.layer;

import io.coppice.common.error.StorageException;
import java.nio.file.Path;

/** Where the layer files of one timeline are. Thread safe. */
public interface LayerFiles {
  /** Whether {@link #fetch} would find the file here and not have to get it. */
  boolean isResident(LayerDescriptor layer);

  /** The file on this machine, got from the object store first if need be; of the right size. */
  Path fetch(LayerDescriptor layer) throws StorageException;

  /**
   * Gets the file from the object store though it is here, and puts it in the place of the one
   * here, which is damaged. If that fails the one here stays: it may be the only one.
   */
  Path fetchAgain(LayerDescriptor layer) throws StorageException;

  /** Deletes the file here, if it is here. */
  void evict(LayerDescriptor layer) throws StorageException;
}
