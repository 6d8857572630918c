package io.coppice.pageserver.tenant;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.objectstore.ObjectStore;
import io.coppice.pageserver.timeline.LayerInfo;
import io.coppice.pageserver.timeline.Timeline;
import java.io.IOException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.CountDownLatch;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A frozen layer is written to its file while an older one is still on its way to the store. */
@Timeout(60)
final class WriteAheadTest {
  private static final int VALUES = 1_300;
  private static final String VALUE = "x".repeat(1_000);

  @TempDir Path directory;

  private final CountDownLatch goOn = new CountDownLatch(1);
  private volatile boolean isHeld;
  private volatile boolean isGone;

  /** Uploads wait, once they are to be held, and may come to nothing then. */
  private ObjectStore held(ObjectStore store) {
    return (ObjectStore)
        Proxy.newProxyInstance(
            ObjectStore.class.getClassLoader(),
            new Class<?>[] {ObjectStore.class},
            (_, method, arguments) -> {
              if (isHeld && method.getName().equals("putFile")) {
                goOn.await();
              }
              if (isGone) {
                throw new StorageException.Transient("the object store is gone");
              }
              try {
                return method.invoke(store, arguments);
              } catch (InvocationTargetException e) {
                throw e.getCause();
              }
            });
  }

  private Store open() throws StorageException {
    return new Store(directory, held(Store.objects(directory)), Store.config(directory));
  }

  private static Lsn lsn(int record) {
    return Store.START.plus(8L * record);
  }

  /** A little more than an open layer may have: it is frozen after it. */
  private static void fill(Timeline timeline, int record) throws StorageException {
    for (int i = 0; i < VALUES; i++) {
      Store.put(timeline, Store.block(i), lsn(record), VALUE + record);
    }
    timeline.writer().finishRecord(lsn(record - 1), lsn(record));
  }

  private long files(Store store) throws IOException {
    try (Stream<Path> files = Files.walk(store.layersDirectory())) {
      return files
          .filter(file -> Files.isRegularFile(file) && !file.toString().endsWith(".tmp"))
          .count();
    }
  }

  private static long inMemory(Timeline timeline) {
    return timeline.layers().stream().filter(l -> l.kind() == LayerInfo.Kind.MEMORY).count();
  }

  /** Two layers are frozen; the older cannot be uploaded. */
  private Timeline holdFirst(Store store) throws Exception {
    Timeline root = store.importEmpty();
    isHeld = true;
    long before = files(store);
    fill(root, 1);
    while (inMemory(root) > 0) {
      Thread.sleep(5);
    }
    fill(root, 2);
    while (files(store) < before + 2) {
      Thread.sleep(5); // until the test's time is over
    }
    assertThat(inMemory(root)).isEqualTo(1);
    assertThat(root.diskConsistentLsn()).isEqualTo(Store.START);
    return root;
  }

  private static void checkUpTo(Timeline root, int record) throws StorageException {
    for (int at = 1; at <= record; at++) {
      assertThat(Store.read(root, Store.block(7), lsn(at))).hasValue(VALUE + at);
      assertThat(Store.read(root, Store.block(VALUES - 1), lsn(at))).hasValue(VALUE + at);
    }
  }

  @Test
  void writesTheNextWhileTheOldestIsUploaded() throws Exception {
    try (Store store = open();
        AutoCloseable _ = goOn::countDown) {
      Timeline root = holdFirst(store);
      checkUpTo(root, 2);
      goOn.countDown();
      root.flush(30_000);
      assertThat(root.diskConsistentLsn()).isEqualTo(lsn(2));
      store.crash();
      checkUpTo(store.root(), 2);
    }
  }

  @Test
  void freezesWhatIsAskedForBesideAnother() throws Exception {
    try (Store store = open();
        AutoCloseable _ = goOn::countDown) {
      Timeline root = holdFirst(store);
      long before = files(store);
      Store.write(root, Store.block(7), lsn(3), VALUE + 3);
      assertThatThrownBy(() -> root.flush(1)).isInstanceOf(StorageException.Transient.class);
      while (files(store) < before + 1) {
        Thread.sleep(5); // until the test's time is over
      }
      assertThat(inMemory(root)).isEqualTo(2);
      goOn.countDown();
      root.flush(30_000);
      assertThat(root.diskConsistentLsn()).isEqualTo(lsn(3));
    }
  }

  @Test
  void forgetsWhatWasWrittenAheadOfTheIndex() throws Exception {
    try (Store store = open();
        AutoCloseable _ = goOn::countDown) {
      Timeline root = holdFirst(store);
      isGone = true;
      goOn.countDown();
      root.close("the test ends it");
      isGone = false;
      isHeld = false;
      store.crash();
      Timeline again = store.root();
      assertThat(again.lastRecordLsn()).isEqualTo(Store.START);
      assertThat(files(store)).isEqualTo(1);
      fill(again, 1);
      fill(again, 2);
      again.flush(30_000);
      checkUpTo(again, 2);
    }
  }
}
