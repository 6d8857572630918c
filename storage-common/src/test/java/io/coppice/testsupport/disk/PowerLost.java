package io.coppice.testsupport.disk;

/**
 * The machine lost power in the middle of an operation on its disk. An error and no exception, so
 * that no code under test handles it: the code is to be thrown away, as the process would be.
 */
public final class PowerLost extends Error {
  private static final long serialVersionUID = 1;

  public PowerLost(String operation) {
    super(operation, null, false, false);
  }
}
