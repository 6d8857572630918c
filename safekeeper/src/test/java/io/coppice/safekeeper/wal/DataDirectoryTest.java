package io.coppice.safekeeper.wal;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.safekeeper.consensus.AcceptorState;
import io.coppice.safekeeper.consensus.NodeId;
import io.coppice.testsupport.disk.DiskFaults;
import io.coppice.testsupport.disk.SimDisk;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class DataDirectoryTest {
  private static final NodeId NODE = new NodeId(3);

  @TempDir Path temporary;

  private Path root() {
    return temporary.resolve("data");
  }

  private DataDirectory open(NodeId node) throws Exception {
    return DataDirectory.open(root(), node);
  }

  @Test
  void isOpenedAgainByTheSameNodeOnly() throws Exception {
    open(NODE).close();
    open(NODE).close();
    assertThatThrownBy(() -> open(new NodeId(4)))
        .isInstanceOf(StorageException.Precondition.class)
        .hasMessageContaining("belongs to safekeeper 3, not to safekeeper 4");
  }

  @Test
  void isHeldByOneAtATime() throws Exception {
    try (DataDirectory held = open(NODE)) {
      assertThat(held.node()).isEqualTo(NODE);
      assertThatThrownBy(() -> open(NODE))
          .isInstanceOf(StorageException.Conflict.class)
          .hasMessageContaining("in use");
    }
    open(NODE).close();
  }

  @Test
  void refusesAnotherFormat() throws Exception {
    open(NODE).close();
    Files.writeString(
        root().resolve("safekeeper.format"), "coppice safekeeper data, format 3, node 3\n");
    assertThatThrownBy(() -> open(NODE))
        .isInstanceOf(StorageException.Precondition.class)
        .hasMessageContaining("is of format 3; this version reads format 2");
  }

  @Test
  void refusesADamagedMarker() throws Exception {
    open(NODE).close();
    Files.writeString(root().resolve("safekeeper.format"), "coppice safekee");
    assertThatThrownBy(() -> open(NODE)).isInstanceOf(StorageException.Corrupt.class);
  }

  @Test
  void refusesADirectoryOfSomethingElse() throws Exception {
    Files.createDirectories(root());
    Files.writeString(root().resolve("PG_VERSION"), "15\n");
    assertThatThrownBy(() -> open(NODE))
        .isInstanceOf(StorageException.Precondition.class)
        .hasMessageContaining("not a safekeeper's data directory");
  }

  @Test
  void findsTimelinesOncePersistedAndNotOnceDeleted() throws Exception {
    AcceptorState state = ControlFileCodecTest.state();
    TenantTimelineId id = state.properties().id();
    AcceptorState fresh = AcceptorState.initial(state.properties(), 0);
    try (DataDirectory directory = open(NODE)) {
      assertThat(directory.openTimeline(id, Runnable::run)).isEmpty();
      try (TimelineStorage storage = directory.createTimeline(fresh, Runnable::run)) {
        assertThat(directory.timelines()).isEmpty();
        storage.stateStore().persist(fresh);
      }
      assertThat(directory.timelines()).containsExactly(id);
      try (TimelineStorage storage = directory.openTimeline(id, Runnable::run).orElseThrow()) {
        assertThat(storage.stored()).isEqualTo(fresh);
      }
      assertThat(directory.isDeleted(id)).isFalse();
      directory.markDeleted(id);
      directory.deleteTimeline(id);
      assertThat(directory.timelines()).isEmpty();
      assertThat(directory.isDeleted(id)).isTrue();
      directory.markDeleted(id);
      directory.deleteTimeline(id);
    }
  }

  @Test
  void aDeletionThatHasBegunIsFinishedAfterALossOfPower() throws Exception {
    AcceptorState fresh = AcceptorState.initial(ControlFileCodecTest.state().properties(), 0);
    TenantTimelineId id = fresh.properties().id();
    SimDisk disk = new SimDisk();
    Path root = disk.root().resolve("data");
    try (DataDirectory directory = DataDirectory.open(root, NODE)) {
      try (TimelineStorage storage = directory.createTimeline(fresh, Runnable::run)) {
        storage.stateStore().persist(fresh);
      }
      directory.markDeleted(id);
    }
    disk.losePower(new SplittableRandom(1), 0);
    try (DataDirectory directory = DataDirectory.open(root, NODE)) {
      assertThat(directory.timelines()).isEmpty();
      assertThat(directory.openTimeline(id, Runnable::run)).isEmpty();
      assertThat(directory.isDeleted(id)).isTrue();
    }
  }

  @Test
  void whatIsPutAsideStaysAwayAlsoIfTheFirstTryFailed() throws Exception {
    AcceptorState fresh = AcceptorState.initial(ControlFileCodecTest.state().properties(), 0);
    TenantTimelineId id = fresh.properties().id();
    SimDisk disk = new SimDisk();
    Path root = disk.root().resolve("data");
    try (DataDirectory directory = DataDirectory.open(root, NODE)) {
      try (TimelineStorage storage = directory.createTimeline(fresh, Runnable::run)) {
        storage.stateStore().persist(fresh);
      }
      disk.setFaults((operation, path) -> {
        if (operation == DiskFaults.Operation.SYNC_DIRECTORY && path.endsWith("replaced")) {
          throw new IOException("Input/output error");
        }
      });
      assertThatThrownBy(() -> directory.putAside(id)).isInstanceOf(IOException.class);
      disk.setFaults(DiskFaults.NONE);
      directory.putAside(id);
    }
    disk.losePower(new SplittableRandom(1), 0);
    try (DataDirectory directory = DataDirectory.open(root, NODE)) {
      assertThat(directory.openTimeline(id, Runnable::run)).isEmpty();
    }
  }

  @Test
  void namesTheDamagedControlFile() throws Exception {
    AcceptorState state = ControlFileCodecTest.state();
    AcceptorState fresh = AcceptorState.initial(state.properties(), 0);
    try (DataDirectory directory = open(NODE)) {
      try (TimelineStorage storage = directory.createTimeline(fresh, Runnable::run)) {
        storage.stateStore().persist(fresh);
      }
      Path control;
      try (var files = Files.walk(root())) {
        control = files.filter(file -> file.endsWith("control")).findFirst().orElseThrow();
      }
      byte[] bytes = Files.readAllBytes(control);
      bytes[90] ^= 1;
      Files.write(control, bytes);
      assertThatThrownBy(() -> directory.openTimeline(fresh.properties().id(), Runnable::run))
          .isInstanceOf(StorageException.Corrupt.class)
          .hasMessageContaining(control + ", offset 136: expected CRC32C");
    }
  }
}
