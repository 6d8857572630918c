package io.coppice.safekeeper.consensus;

import io.coppice.common.error.StorageException;

/** Where an acceptor's state is kept. */
public interface AcceptorStateStore {

  /**
   * Replaces the stored state. When this returns, the new state survives a loss of power.
   *
   * @throws StorageException.Transient if there is no room; the stored state is the one before
   * @throws DiskFailure if either may be stored
   */
  void persist(AcceptorState state) throws StorageException.Transient, DiskFailure;
}
