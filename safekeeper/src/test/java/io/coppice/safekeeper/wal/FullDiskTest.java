package io.coppice.safekeeper.wal;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.safekeeper.consensus.AcceptorState;
import io.coppice.safekeeper.consensus.DiskFailure;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * A disk without room refuses, and goes on once there is room. Files that are to be made are links
 * to {@code /dev/full}, which has none, or {@code /dev/null}, which cannot be synced.
 */
@Timeout(120)
final class FullDiskTest {
  private static final int SEGMENT = 1 << 20;
  private static final Lsn START = new Lsn(5L * SEGMENT + 40);

  @TempDir Path directory;
  private TestLog log;

  @BeforeEach
  void prepare() {
    assumeTrue(Files.exists(Path.of("/dev/full")), "there is no /dev/full here");
    log = new TestLog(directory.resolve("wal"), SEGMENT, START);
    log.append(250, 9_000, 1);
  }

  private void link(Path file, String device) throws IOException {
    Files.createSymbolicLink(file.resolveSibling(file.getFileName() + ".tmp"), Path.of(device));
  }

  /** Writes up to the last message within the first segment; where the next one begins. */
  private int fillSegment(FileWalStore store) throws Exception {
    int full = log.indexOf(new Lsn(6L * SEGMENT)) - 1_000;
    log.write(store, 0, full);
    store.flush();
    return full;
  }

  @Test
  void refusesWalWithoutRoomForTheNextSegmentAndTakesItLater() throws Exception {
    for (Path file : new Path[] {log.segments().path(6), log.segments().checksumPath(6)}) {
      Path wal = Files.createDirectories(directory.resolve("wal"));
      try (FileWalStore store = log.open(START)) {
        link(file, "/dev/full");
        int full = fillSegment(store);
        Lsn flushed = store.flushLsn();
        link(file, "/dev/full");
        ByteBuffer next = ByteBuffer.wrap(log.stream(), full, 50_000);
        assertThatThrownBy(() -> store.write(START.plus(full), next))
            .isInstanceOf(StorageException.Transient.class)
            .hasMessageContaining("no room for WAL at")
            .hasMessageContaining(wal.toString());
        assertThat(store.writeLsn()).isEqualTo(START.plus(full));
        store.flush();
        assertThat(store.flushLsn()).isEqualTo(flushed);
        assertThat(log.stored(flushed)).startsWith(log.stream()[0]);
        log.write(store, full, log.length());
        store.flush();
        assertThat(store.flushLsn()).isEqualTo(log.ends().getLast());
        assertThat(log.stored(store.flushLsn())).isEqualTo(log.stream());
        store.truncate(START);
      }
    }
  }

  @Test
  void stopsIfASegmentCannotBeSynced() throws Exception {
    try (FileWalStore store = log.open(START)) {
      int full = fillSegment(store);
      Files.delete(log.segments().path(6));
      link(log.segments().path(6), "/dev/null");
      ByteBuffer next = ByteBuffer.wrap(log.stream(), full, 50_000);
      assertThatThrownBy(() -> store.write(START.plus(full), next)).isInstanceOf(DiskFailure.class);
    }
  }

  @Test
  void keepsTheStateBeforeIfThereIsNoRoomForTheNext() throws Exception {
    AcceptorState before = ControlFileCodecTest.state();
    AcceptorState next =
        new AcceptorState(
            before.properties(),
            before.generation(),
            before.term() + 1,
            before.history(),
            before.commitLsn(),
            before.truncateLsn());
    Path file = directory.resolve("control");
    ControlFileStore store = new ControlFileStore(file);
    store.persist(before);
    link(file, "/dev/full");
    assertThatThrownBy(() -> store.persist(next))
        .isInstanceOf(StorageException.Transient.class)
        .hasMessageContaining("no room for " + file);
    assertThat(store.load()).contains(before);
    link(file, "/dev/null");
    assertThatThrownBy(() -> store.persist(next)).isInstanceOf(DiskFailure.class);
    assertThat(store.load()).contains(before);
    store.persist(next);
    assertThat(store.load()).contains(next);
  }

  @Test
  void knowsAFullDiskByItsMessage() {
    assertThat(DiskFull.isCauseOf(new IOException("No space left on device"))).isTrue();
    assertThat(DiskFull.isCauseOf(new FileSystemException("f", null, "Disk quota exceeded")))
        .isTrue();
    assertThat(DiskFull.isCauseOf(new IOException("Input/output error"))).isFalse();
    assertThat(DiskFull.isCauseOf(new IOException())).isFalse();
  }

  /** The same on a file system that is full indeed; needs root. */
  @Test
  void goesOnWhenARealDiskHasRoomAgain() throws Exception {
    Path mount = Files.createDirectory(directory.resolve("small"));
    assumeTrue(
        run("mount", "-t", "tmpfs", "-o", "size=2500k", "tmpfs", mount.toString()) == 0,
        "a small file system cannot be mounted here (not root?)");
    try {
      Path ballast = mount.resolve("ballast");
      Files.write(ballast, new byte[600 * 1024]);
      log = new TestLog(mount.resolve("wal"), SEGMENT, START);
      log.append(250, 9_000, 2);
      try (FileWalStore store = log.open(START)) {
        int full = fillSegment(store);
        for (int i = 0; i < 3; i++) {
          ByteBuffer next = ByteBuffer.wrap(log.stream(), full, 50_000);
          assertThatThrownBy(() -> store.write(START.plus(full), next))
              .isInstanceOf(StorageException.Transient.class)
              .hasMessageContaining("No space left on device");
        }
        store.truncate(store.flushLsn());
        Files.delete(ballast);
        log.write(store, log.indexOf(store.writeLsn()), log.length());
        store.flush();
        assertThat(log.stored(log.ends().getLast())).isEqualTo(log.stream());
      }
    } finally {
      assertThat(run("umount", mount.toString())).isZero();
    }
  }

  private static int run(String... command) throws Exception {
    try {
      Process process =
          new ProcessBuilder(command)
              .redirectErrorStream(true)
              .redirectOutput(ProcessBuilder.Redirect.DISCARD)
              .start();
      return process.waitFor(20, TimeUnit.SECONDS) ? process.exitValue() : -1;
    } catch (IOException notThere) {
      return -1;
    }
  }
}
