package io.coppice.safekeeper.consensus;

/** A safekeeper, from 1. */
public record NodeId(long value) {
  public NodeId {
    if (value < 1) {
      throw new IllegalArgumentException("not a safekeeper id: " + value + " (expected 1 or more)");
    }
  }

  @Override
  public String toString() {
    return Long.toString(value);
  }
}
