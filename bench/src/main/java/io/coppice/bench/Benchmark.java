package io.coppice.bench;

import io.coppice.common.error.StorageException;
import java.io.IOException;

/** Measures one thing, beside its anchor if there is one. */
@FunctionalInterface
interface Benchmark {
  void run(Workspace workspace, Report report)
      throws BenchFailure, StorageException, IOException, InterruptedException;
}
