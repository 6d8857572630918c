package io.coppice.safekeeper.wal;

import io.coppice.safekeeper.consensus.DiskFailure;
import java.io.IOException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.Executor;

/** The segment after the open one, created ahead of need by another thread. One owner. */
final class SegmentAhead {
  private final WalSegments segments;
  private final Executor creator;

  private CompletableFuture<Void> creation = CompletableFuture.completedFuture(null);

  SegmentAhead(WalSegments segments, Executor creator) {
    this.segments = segments;
    this.creator = creator;
  }

  /** Has a segment created; the one before it was waited for. */
  void begin(long number, WalSegments.Blocks blocks) {
    creation =
        CompletableFuture.runAsync(
            () -> {
              try {
                segments.create(number, blocks);
              } catch (IOException e) {
                throw new CompletionException(e);
              }
            },
            creator);
  }

  /**
   * Waits for the creation under way. If there was no room, whoever needs the segment tries again.
   */
  void await() throws DiskFailure {
    CompletableFuture<Void> begun = creation;
    creation = CompletableFuture.completedFuture(null); // what it failed with is told once
    try {
      begun.join();
    } catch (CompletionException failed) {
      if (!(failed.getCause() instanceof IOException e) || !DiskFull.isCauseOf(e)) {
        throw new DiskFailure("cannot create the next segment in " + segments, failed);
      }
    }
  }

  /** Waits for the creation under way, whatever becomes of it. */
  void close() {
    var _ = creation.handle((_, _) -> null).join();
  }
}
