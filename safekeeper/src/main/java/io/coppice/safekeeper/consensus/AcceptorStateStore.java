package io.coppice.safekeeper.consensus;

/** Where an acceptor's state is kept. */
public interface AcceptorStateStore {

  /**
   * Replaces the stored state. When this returns, the new state survives a loss of power; if it
   * throws, either may.
   */
  void persist(AcceptorState state) throws DiskFailure;
}
