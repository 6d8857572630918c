package io.coppice.pageserver.timeline;

import io.coppice.common.error.StorageException;
import io.coppice.pageserver.layer.ReadContext;
import io.coppice.postgres.redo.PageRedo;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.Map;

/** What a reader needs at a time and others use after it. */
final class ReadScratch {
  private final ReadContext context = new ReadContext();
  private final BatchRead batch = new BatchRead();
  private final PageRedo redo;

  private ReadScratch(PageRedo redo) {
    this.redo = redo;
  }

  ReadContext context() {
    return context;
  }

  BatchRead batch() {
    return batch;
  }

  PageRedo redo() {
    return redo;
  }

  /** Those not in use. Thread safe. */
  static final class Pool {
    private static final int POOLED_MAX = 16;

    private final Map<Integer, Deque<ReadScratch>> byMajor = new HashMap<>();

    ReadScratch borrow(int pgMajor) throws StorageException.Unsupported {
      synchronized (byMajor) {
        Deque<ReadScratch> pooled = byMajor.get(pgMajor);
        if (pooled != null && !pooled.isEmpty()) {
          return pooled.removeFirst();
        }
      }
      return new ReadScratch(PageRedo.ofMajor(pgMajor));
    }

    void giveBack(int pgMajor, ReadScratch scratch) {
      synchronized (byMajor) {
        Deque<ReadScratch> pooled = byMajor.computeIfAbsent(pgMajor, _ -> new ArrayDeque<>());
        if (pooled.size() < POOLED_MAX) {
          pooled.addFirst(scratch);
        }
      }
    }
  }
}
