package io.coppice.pageserver.timeline;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.RelationTag;
import io.coppice.common.key.Key;
import io.coppice.pageserver.layer.LayerDescriptor;
import io.coppice.pageserver.layer.LayerEnvironment;
import io.coppice.pageserver.layer.LayerKind;
import io.coppice.pageserver.layer.LayerName;
import io.coppice.pageserver.layer.OpenLayer;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Of several who want the file of a frozen layer one writes it. */
@Timeout(60)
final class FrozenLayerTest {
  private static final Key KEY = Key.relationBlock(new RelationTag(1663, 5, 16384, 0), 1);
  private static final Lsn START = new Lsn(100);
  private static final Lsn LAST = new Lsn(108);
  private static final LayerDescriptor FILE =
      new LayerDescriptor(
          new LayerName(LayerKind.DELTA, KEY, KEY.next(), START.plus(1), LAST.plus(1), 1), 0, 7, 8);

  private final LayerEnvironment environment = new LayerEnvironment(1 << 20);
  private final OpenLayer layer = new OpenLayer(START, 0, environment);
  private final FrozenLayer frozen = new FrozenLayer(layer, new RecordPosition(LAST, START));
  private final ExecutorService threads = Executors.newCachedThreadPool();
  private final CountDownLatch begun = new CountDownLatch(1);
  private final CountDownLatch goOn = new CountDownLatch(1);
  private final AtomicInteger writes = new AtomicInteger();

  @BeforeEach
  void putOne() throws StorageException {
    layer.put(KEY, LAST, new byte[] {0, 1}, 0, 2);
  }

  @AfterEach
  void close() {
    goOn.countDown();
    threads.close();
    layer.release();
    environment.close();
  }

  private LayerDescriptor write() throws StorageException {
    writes.incrementAndGet();
    begun.countDown();
    try {
      goOn.await();
    } catch (InterruptedException e) {
      throw new StorageException.Transient("interrupted", e);
    }
    return FILE;
  }

  @Test
  void isWrittenOnceThoughSeveralWantIt() throws Exception {
    assertThat(frozen.isFreeToWrite()).isTrue();
    Future<LayerDescriptor> first = threads.submit(() -> frozen.file(_ -> write()));
    begun.await();
    assertThat(frozen.isFreeToWrite()).isFalse();
    assertThat(frozen.isBeingWritten()).isTrue();
    frozen.tryWrite(_ -> write()); // is left to the other, and not waited for
    Future<LayerDescriptor> second = threads.submit(() -> frozen.file(_ -> write()));
    Future<?> close = threads.submit(frozen::awaitWriter);
    assertThatThrownBy(() -> second.get(50, TimeUnit.MILLISECONDS))
        .isInstanceOf(TimeoutException.class);
    assertThat(close.isDone()).isFalse();
    goOn.countDown();
    assertThat(first.get()).isEqualTo(FILE);
    assertThat(second.get()).isEqualTo(FILE);
    close.get();
    assertThat(writes).hasValue(1);
    assertThat(frozen.isFreeToWrite()).isFalse();
  }

  @Test
  void isWrittenAgainAfterAFailure() throws Exception {
    goOn.countDown();
    StorageException full = new StorageException.Transient("the disk is full");
    assertThatThrownBy(() ->
            frozen.tryWrite(_ -> {
              throw full;
            }))
        .isSameAs(full);
    assertThat(frozen.isFreeToWrite()).isTrue();
    frozen.tryWrite(_ -> write());
    assertThat(frozen.file(_ -> write())).isEqualTo(FILE);
    assertThat(writes).hasValue(1);
  }

  @Test
  void isNotWrittenWhereNothingIsInIt() {
    OpenLayer empty = new OpenLayer(START, 0, environment);
    assertThat(new FrozenLayer(empty, new RecordPosition(LAST, START)).isFreeToWrite()).isFalse();
    empty.release();
  }
}
