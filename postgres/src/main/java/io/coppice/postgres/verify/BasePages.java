package io.coppice.postgres.verify;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.RelationTag;

/** The pages of a cluster as they were where the WAL begins. */
@FunctionalInterface
public interface BasePages {
  /**
   * Reads a page.
   *
   * @param page is overwritten with it
   * @return false if the fork had no such block
   */
  boolean read(RelationTag fork, int block, byte[] page) throws StorageException;
}
