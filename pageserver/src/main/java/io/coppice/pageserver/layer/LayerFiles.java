package io.coppice.pageserver.layer;

import io.coppice.common.error.StorageException;
import java.nio.file.Path;

/** Where the layer files of one timeline are. Thread safe. */
public interface LayerFiles {
  /** Whether {@link #fetch} would find the file here and not have to get it. */
  boolean isResident(LayerDescriptor layer);

  /** The file on this machine, got from the object store first if need be; of the right size. */
  Path fetch(LayerDescriptor layer) throws StorageException;

  /** Forgets the file here, which is damaged, so that it is got again. */
  void discard(LayerDescriptor layer) throws StorageException;
}
