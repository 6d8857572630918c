package io.coppice.bench;

/** A benchmark cannot run, and what to do about it. */
final class BenchFailure extends Exception {
  BenchFailure(String message) {
    super(message);
  }
}
