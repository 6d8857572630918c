package io.coppice.pageserver.remote;

import static org.assertj.core.api.Assertions.assertThat;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.TenantId;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.common.id.TimelineId;
import io.coppice.common.key.Key;
import io.coppice.common.objectstore.LocalObjectStore;
import io.coppice.common.objectstore.ObjectStore;
import io.coppice.common.platform.Ids;
import io.coppice.pageserver.layer.LayerDescriptor;
import io.coppice.pageserver.layer.LayerName;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DeletionQueueTest {
  private static final TenantTimelineId ID =
      new TenantTimelineId(new TenantId(1, 2), new TimelineId(3, 4));
  private static final Lsn START = new Lsn(0x2000028);
  private static final LayerName LAYER = LayerName.image(Key.MIN, Key.MAX, START, 1).withNumber(7);

  @TempDir Path directory;
  private ObjectStore store;
  private DurableIndex index;
  private DeletionQueue queue;

  @SuppressWarnings("NullAway.Init")
  DeletionQueueTest() {}

  @BeforeEach
  void open() throws StorageException {
    store = LocalObjectStore.open(directory.resolve("objects"), Ids.secureRandom());
    RemoteStore remote = RemoteStore.open(store);
    TimelineIdentity identity =
        new TimelineIdentity(
            ID, Instant.parse("2026-11-21T12:00:00Z"), Optional.empty(), START, 17, 5, 1 << 24);
    index = new DurableIndex(remote, TimelineIndex.starting(identity, "main", START, Lsn.INVALID));
    queue =
        new DeletionQueue(remote, new LayerCache(remote, ID, directory.resolve("cache")), index);
    store.put(ObjectPaths.layer(ID, LAYER), new byte[1]);
  }

  private boolean isStored() throws StorageException {
    return store.get(ObjectPaths.layer(ID, LAYER)).isPresent();
  }

  @Test
  void deletesWhatNeverBecamePartOfTheTimeline() throws Exception {
    assertThat(queue.isDue()).isFalse();
    queue.abandon(List.of(LAYER));
    assertThat(queue.isDue()).isTrue();
    queue.run();
    assertThat(isStored()).isFalse();
    assertThat(index.current().removed()).isEmpty();
    assertThat(queue.isDue()).isFalse();
  }

  @Test
  void keepsWhatTheIndexNamesWhateverIsAbandoned() throws Exception {
    var _ =
        index.change(
            before -> before.with().layers(List.of(new LayerDescriptor(LAYER, 1, 1, 0))).build());
    queue.abandon(List.of(LAYER));
    queue.run();
    assertThat(isStored()).isTrue();
    assertThat(index.current().removed()).isEmpty();
    assertThat(queue.isDue()).isFalse();
  }

  @Test
  void waitsUntilAllWhoKeepALayerHaveLetGo() throws Exception {
    queue.keep(List.of(LAYER));
    queue.keep(List.of(LAYER));
    var _ = index.change(before -> before.with().removed(List.of(LAYER)).build());
    queue.unread(LAYER);
    assertThat(queue.isDue()).isFalse();
    queue.run();
    assertThat(isStored()).isTrue();
    queue.unread(LAYER);
    assertThat(queue.isDue()).isTrue();
    queue.run();
    assertThat(isStored()).isFalse();
  }

  @Test
  void leavesAllToALaterPageServer() throws Exception {
    var _ = index.change(before -> before.with().removed(List.of(LAYER)).build());
    RemoteStore later = RemoteStore.open(store);
    queue.run();
    assertThat(isStored()).isTrue();
    assertThat(queue.isDue()).isFalse();
    DurableIndex found = new DurableIndex(later, later.loadIndex(ID).orElseThrow());
    assertThat(found.current().removed()).containsExactly(LAYER);
    new DeletionQueue(later, new LayerCache(later, ID, directory.resolve("other")), found).run();
    assertThat(isStored()).isFalse();
  }
}
