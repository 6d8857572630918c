package io.coppice.pageserver.remote;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.TenantId;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.common.id.TimelineId;
import io.coppice.common.objectstore.LocalObjectStore;
import io.coppice.common.platform.Ids;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class DurableIndexTest {
  private static final TenantTimelineId ID =
      new TenantTimelineId(new TenantId(1, 2), new TimelineId(3, 4));

  @TempDir Path directory;
  private RemoteStore remote;
  private DurableIndex index;

  @BeforeEach
  void setUp() throws StorageException {
    remote = RemoteStore.open(LocalObjectStore.open(directory, Ids.secureRandom()));
    TimelineIdentity identity =
        new TimelineIdentity(
            ID, Instant.EPOCH, Optional.empty(), new Lsn(0x1000028), 17, 1, 1 << 24);
    TimelineIndex first = TimelineIndex.starting(identity, "a", new Lsn(0x1000028), Lsn.INVALID);
    remote.saveIndex(first);
    index = new DurableIndex(remote, first);
  }

  @Test
  void showsAChangeOnceItIsDurable() throws StorageException {
    index.change(before -> before.with().name("b").build());
    assertThat(index.current().name()).isEqualTo("b");
    assertThat(remote.loadIndex(ID)).contains(index.current());
  }

  @Test
  void losesNoneOfManyChangesAtOnce() throws Exception {
    int threads = 8;
    int each = 20;
    try (ExecutorService executor = Executors.newFixedThreadPool(threads)) {
      for (int thread = 0; thread < threads; thread++) {
        var _ =
            executor.submit(() -> {
              for (int i = 0; i < each; i++) {
                index.change(before -> before.with().walStart(before.walStart().next()).build());
              }
              return null;
            });
      }
      executor.shutdown();
      assertThat(executor.awaitTermination(1, TimeUnit.MINUTES)).isTrue();
    }
    assertThat(index.current().walStart().attempts()).isEqualTo(threads * each);
    assertThat(remote.loadIndex(ID)).contains(index.current());
  }

  @Test
  void changesNothingOnceItIsClosedOrAStepFails() throws StorageException {
    assertThatThrownBy(() ->
            index.change(_ -> {
              throw new StorageException.Conflict("no");
            }))
        .isInstanceOf(StorageException.Conflict.class);
    TimelineIndex last = index.close();
    assertThatThrownBy(() -> index.change(before -> before.with().name("c").build()))
        .isInstanceOf(StorageException.Transient.class);
    assertThat(remote.loadIndex(ID)).contains(last);
    assertThat(last.name()).isEqualTo("a");
  }
}
