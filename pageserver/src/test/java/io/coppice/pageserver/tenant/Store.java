package io.coppice.pageserver.tenant;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.RelationTag;
import io.coppice.common.id.TenantId;
import io.coppice.common.id.TimelineId;
import io.coppice.common.key.Key;
import io.coppice.common.objectstore.LocalObjectStore;
import io.coppice.common.objectstore.ObjectStore;
import io.coppice.common.platform.Clock;
import io.coppice.common.platform.Ids;
import io.coppice.pageserver.timeline.ImageImport;
import io.coppice.pageserver.timeline.Timeline;
import io.coppice.pageserver.timeline.UpkeepLimits;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.Optional;
import java.util.stream.Stream;

/** A page server's storage in a directory, for tests. */
final class Store implements AutoCloseable {
  static final Clock CLOCK = Clock.SYSTEM;
  static final TenantId TENANT = new TenantId(1, 1);
  static final TimelineId ROOT = new TimelineId(2, 1);

  /** Behind the header of its page, where a record can begin: a branch is made right there. */
  static final Lsn START = new Lsn(0x1000028);

  static final RelationTag TABLE = new RelationTag(1663, 5, 16384, 0);

  final Path directory;
  final ObjectStore objects;
  final TenantManagerConfig config;
  TenantManager manager;

  Store(Path directory) throws StorageException {
    this(directory, objects(directory), config(directory));
  }

  Store(Path directory, ObjectStore objects, TenantManagerConfig config) throws StorageException {
    this.directory = directory;
    this.objects = objects;
    this.config = config;
    this.manager = TenantManager.open(config, objects, CLOCK);
  }

  static ObjectStore objects(Path directory) throws StorageException {
    return LocalObjectStore.open(directory.resolve("objects"), Ids.secureRandom());
  }

  /** Small layers, so that little data makes many of them. */
  static TenantManagerConfig config(Path directory) {
    return new TenantManagerConfig(
        directory.resolve("pageserver"),
        1 << 20,
        64 << 20,
        600_000,
        1 << 14,
        8 << 20,
        1 << 20,
        500,
        10_000,
        3_600_000,
        4,
        new UpkeepLimits(3, 500, 5, 1 << 14, 2));
  }

  void restart() throws StorageException {
    manager.close();
    manager = TenantManager.open(config, objects, CLOCK);
  }

  void crash() throws StorageException {
    manager.abandon();
    manager = TenantManager.open(config, objects, CLOCK);
  }

  Path layersDirectory() {
    return config.dataDir().resolve("layers");
  }

  void deleteLayersDirectory() throws IOException {
    if (Files.exists(layersDirectory())) {
      try (Stream<Path> below = Files.walk(layersDirectory())) {
        for (Path file : below.sorted(Comparator.reverseOrder()).toList()) {
          Files.delete(file);
        }
      }
    }
  }

  static RootImport rootImport() {
    return new RootImport(TENANT, "acme", ROOT, "main", START, Lsn.INVALID, 15, 42, 16 << 20);
  }

  Timeline importEmpty() throws StorageException {
    try (ImageImport running = manager.importRoot(rootImport())) {
      byte[] value = value("control");
      running.put(new Key(3, 0, 0, 0, 0, 0), value, 0, value.length);
      return running.finish();
    }
  }

  Timeline root() throws StorageException {
    return manager.branch(TENANT, "main");
  }

  Timeline branch(String name, TimelineId id, Timeline parent, Lsn lsn)
      throws StorageException, InterruptedException {
    return manager.createBranch(
        new BranchRequest(TENANT, id, name, parent.id().timeline(), Optional.of(lsn), 1_000));
  }

  static Key block(int number) {
    return Key.relationBlock(TABLE, number);
  }

  /** An image as it is stored: kind byte and payload. */
  static byte[] value(String text) {
    return ("\0" + text).getBytes(StandardCharsets.UTF_8);
  }

  static void put(Timeline timeline, Key key, Lsn lsn, String text) throws StorageException {
    byte[] value = value(text);
    timeline.writer().put(key, lsn, value, 0, value.length);
  }

  /** One record that writes one key. */
  static void write(Timeline timeline, Key key, Lsn lsn, String text) throws StorageException {
    put(timeline, key, lsn, text);
    timeline.writer().finishRecord(timeline.lastRecordLsn(), lsn);
  }

  static Optional<String> read(Timeline timeline, Key key, Lsn lsn) throws StorageException {
    return timeline.get(key, lsn).map(bytes -> new String(bytes, StandardCharsets.UTF_8));
  }

  @Override
  public void close() {
    manager.close();
  }
}
