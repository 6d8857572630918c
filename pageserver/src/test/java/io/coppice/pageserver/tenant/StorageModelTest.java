package io.coppice.pageserver.tenant;

import io.coppice.testsupport.Seeded;
import java.nio.file.Path;
import org.junit.jupiter.api.io.TempDir;

/** The storage engine against maps in memory: random histories on random trees of branches. */
class StorageModelTest {

  @Seeded(tries = 12)
  void answersAsMapsInMemoryDo(long seed, @TempDir Path directory) throws Exception {
    try (StorageModel model = new StorageModel(seed, directory)) {
      model.run();
    }
  }
}
