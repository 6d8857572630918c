package io.coppice.pageserver.tenant;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.pageserver.remote.RemoteStore;
import io.coppice.pageserver.remote.TimelineIndex;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/**
 * Reads the indexes of many timelines, several at once: a start waits for all of them, and each
 * takes two requests to the object store.
 */
final class IndexLoading {
  private final RemoteStore remote;
  private final int parallel;

  /**
   * What was found of a timeline.
   *
   * @param index empty if there is no such timeline, or its index is damaged
   * @param damage why the index cannot be used
   */
  record Found(
      TenantTimelineId id, Optional<TimelineIndex> index, Optional<StorageException> damage) {}

  /** With at most so many read at once; with 1, on the caller's thread, in order. */
  IndexLoading(RemoteStore remote, int parallel) {
    this.remote = remote;
    this.parallel = parallel;
  }

  /** Reads all, and tells of them in the same order. */
  List<Found> load(List<TenantTimelineId> ids) throws StorageException {
    if (parallel <= 1 || ids.size() <= 1) {
      List<Found> found = new ArrayList<>();
      for (TenantTimelineId id : ids) {
        found.add(load(id));
      }
      return found;
    }
    try (ExecutorService executor =
        Executors.newFixedThreadPool(
            Math.min(parallel, ids.size()), Thread.ofVirtual().name("index-", 0).factory())) {
      try {
        return collect(ids.stream().map(id -> executor.submit(() -> load(id))).toList());
      } finally {
        // After a failure the rest is of no use.
        executor.shutdownNow();
      }
    }
  }

  private static List<Found> collect(List<Future<Found>> loads) throws StorageException {
    List<Found> found = new ArrayList<>();
    try {
      for (Future<Found> load : loads) {
        found.add(load.get());
      }
    } catch (ExecutionException e) {
      if (e.getCause() instanceof StorageException failure) {
        throw failure;
      }
      throw new IllegalStateException("an index could not be read", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new StorageException.Transient("interrupted while indexes were read", e);
    }
    return found;
  }

  private Found load(TenantTimelineId id) throws StorageException {
    try {
      return new Found(id, remote.loadIndex(id), Optional.empty());
    } catch (StorageException.Corrupt | StorageException.Unsupported e) {
      return new Found(id, Optional.empty(), Optional.of(e));
    }
  }
}
