package io.coppice.pageserver.timeline;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import io.coppice.common.id.Lsn;
import io.coppice.common.id.RelationTag;
import io.coppice.common.id.TenantId;
import io.coppice.common.id.TimelineId;
import io.coppice.common.key.Key;
import io.coppice.common.objectstore.LocalObjectStore;
import io.coppice.common.objectstore.ObjectStore;
import io.coppice.common.platform.Clock;
import io.coppice.common.platform.Ids;
import io.coppice.pageserver.layer.LayerKind;
import io.coppice.pageserver.layer.LayerName;
import io.coppice.pageserver.layer.LayerSet;
import io.coppice.pageserver.layer.OpenLayer;
import io.coppice.pageserver.tenant.RootImport;
import io.coppice.pageserver.tenant.TenantManager;
import io.coppice.pageserver.tenant.TenantManagerConfig;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Layers that are flushed while others are rewritten give their memory back at once. */
@Timeout(60)
final class UpkeepMemoryTest {
  private static final Lsn START = new Lsn(0x1000028);
  private static final RelationTag TABLE = new RelationTag(1663, 5, 16384, 0);
  private static final int KEYS = 40;
  private static final UpkeepLimits OFTEN = new UpkeepLimits(3, 500, 5, 1 << 14, 1);

  @TempDir Path directory;

  private final BlockingQueue<LayerName> uploads = new LinkedBlockingQueue<>();
  private final Semaphore goOn = new Semaphore(0);
  private Lsn last = START;
  private @Nullable Timeline timeline;

  private Timeline timeline() {
    return requireNonNull(timeline);
  }

  /** Has whoever rewrites layers, which have a number then, wait before each that it uploads. */
  private ObjectStore waiting(ObjectStore store) {
    return (ObjectStore)
        Proxy.newProxyInstance(
            ObjectStore.class.getClassLoader(),
            new Class<?>[] {ObjectStore.class},
            (_, method, arguments) -> {
              if (method.getName().equals("putFile")) {
                Path object = Path.of((String) arguments[0]);
                LayerName layer = LayerName.parse(object.getFileName().toString());
                if (layer.number() > 0) {
                  uploads.add(layer);
                  goOn.acquire();
                }
              }
              try {
                return method.invoke(store, arguments);
              } catch (InvocationTargetException e) {
                throw e.getCause();
              }
            });
  }

  private static TenantManagerConfig config(Path dataDir) {
    return new TenantManagerConfig(
        dataDir, 1 << 20, 64 << 20, 600_000, 1 << 14, 8 << 20, 1 << 20, 500, 10_000, 0, 4, OFTEN);
  }

  private void write() throws Exception {
    byte[] value = new byte[1_000];
    Lsn start = last;
    last = last.plus(8);
    for (int i = 0; i < KEYS; i++) {
      timeline().writer().put(Key.relationBlock(TABLE, i), last, value, 0, value.length);
    }
    timeline().writer().finishRecord(start, last);
  }

  /**
   * Flushes what is in memory, and says whether that is free then. There is something new after.
   */
  private boolean isFreeOnceFlushed() throws Exception {
    LayerSet set = timeline().acquireLayers();
    OpenLayer layer = set.memory().getFirst();
    set.release();
    timeline().flush(20_000);
    write();
    boolean isHeld = layer.tryRetain();
    if (isHeld) {
      layer.release();
    }
    return !isHeld;
  }

  @Test
  void givesMemoryBackWhileLayersAreRewritten() throws Exception {
    ObjectStore objects = LocalObjectStore.open(directory.resolve("objects"), Ids.secureRandom());
    try (TenantManager manager =
        TenantManager.open(config(directory.resolve("data")), waiting(objects), Clock.SYSTEM)) {
      RootImport root =
          new RootImport(
              new TenantId(1, 1),
              "acme",
              new TimelineId(2, 1),
              "main",
              START,
              Lsn.INVALID,
              15,
              42,
              16 << 20);
      try (ImageImport running = manager.importRoot(root)) {
        running.put(TimelineKeys.CONTROL_FILE, new byte[] {0, 1}, 0, 2);
        timeline = running.finish();
      }
      for (int i = 0; i < OFTEN.compactionThreshold(); i++) {
        write();
        timeline().flush(20_000);
      }
      write(); // in memory when upkeep begins, which could hold it
      Set<LayerKind> seen = EnumSet.noneOf(LayerKind.class);
      while (seen.size() < LayerKind.values().length) {
        LayerName upload = requireNonNull(uploads.poll(30, TimeUnit.SECONDS));
        if (seen.add(upload.kind())) {
          assertThat(isFreeOnceFlushed()).as(upload.toString()).isTrue();
        }
        goOn.release();
      }
      goOn.release(1_000);
    }
  }
}
