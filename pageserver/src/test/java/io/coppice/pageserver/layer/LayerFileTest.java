package io.coppice.pageserver.layer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.RelationTag;
import io.coppice.common.id.TenantId;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.common.id.TimelineId;
import io.coppice.common.key.Key;
import io.coppice.testsupport.Seeded;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.NavigableMap;
import java.util.Objects;
import java.util.TreeMap;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LayerFileTest {
  private static final RelationTag TABLE = new RelationTag(1663, 5, 16384, 0);
  private static final TenantTimelineId OWNER =
      new TenantTimelineId(new TenantId(1, 2), new TimelineId(3, 4));
  private static final int KEYS = 300;

  @TempDir Path directory;
  private final LayerEnvironment environment = new LayerEnvironment(8 << 20);
  private final TreeMap<Key, TreeMap<Long, byte[]>> expected = new TreeMap<>();

  @AfterEach
  void close() {
    environment.close();
  }

  /** A file that is here and never anywhere else. */
  private record OneFile(Path file) implements LayerFiles {
    @Override
    public boolean isResident(LayerDescriptor layer) {
      return true;
    }

    @Override
    public Path fetch(LayerDescriptor layer) {
      return file;
    }

    @Override
    public Path fetchAgain(LayerDescriptor layer) {
      return file;
    }

    @Override
    public void evict(LayerDescriptor layer) {}
  }

  private LayerDescriptor writeDelta(Path file, RandomGenerator random) throws StorageException {
    OpenLayer layer = new OpenLayer(new Lsn(100), 0, environment);
    for (int i = 0; i < 4_000; i++) {
      byte[] value = new byte[1 + random.nextInt(200)];
      random.nextBytes(value);
      // A change that needs what is older, or now and then an image.
      value[0] = (byte) (random.nextInt(20) == 0 ? 0 : 4);
      Key key = Key.relationBlock(TABLE, random.nextInt(KEYS));
      layer.put(key, new Lsn(101 + i), value, 0, value.length);
      expected.computeIfAbsent(key, _ -> new TreeMap<>()).put(101L + i, value);
    }
    layer.setFrozen();
    try (SstLayerWriter writer = SstLayerWriter.create(environment, LayerKind.DELTA, 0, file)) {
      SstLayerWriter.KeyBounds keys = writer.putAll(layer);
      assertThat(keys.first()).isEqualTo(expected.firstKey());
      assertThat(keys.last()).isEqualTo(expected.lastKey());
      return writer.finish(OWNER, name(keys));
    } finally {
      layer.release();
    }
  }

  private static LayerName name(SstLayerWriter.KeyBounds keys) {
    return new LayerName(
        LayerKind.DELTA, keys.first(), keys.last().next(), new Lsn(101), new Lsn(5000), 7);
  }

  private LayerHandle handle(LayerDescriptor layer, Path file) {
    return new LayerHandle(environment, new OneFile(file), OWNER, layer);
  }

  /** Reads everything and compares; returns whether all of it was there. */
  private void readAll(LayerHandle handle, RandomGenerator random) throws StorageException {
    ReadContext context = new ReadContext();
    KeyRead read = new KeyRead();
    LayerSet set = new LayerSet(List.of(), new LayerMap(List.of(handle)));
    handle.release();
    try {
      for (int i = 0; i < KEYS; i++) {
        Key key = Key.relationBlock(TABLE, i);
        long lsn = 101 + random.nextLong(4_000);
        read.begin(key);
        set.collect(List.of(read), new Lsn(lsn), context);
        checkVersions(read.versions(), expected.getOrDefault(key, new TreeMap<>()), lsn);
      }
    } finally {
      context.endBatch();
      set.release();
    }
  }

  private static void checkVersions(VersionList found, NavigableMap<Long, byte[]> all, long lsn) {
    int n = 0;
    for (var version : all.headMap(lsn, true).descendingMap().entrySet()) {
      assertThat(found.lsn(n).value()).isEqualTo(version.getKey());
      assertThat(
              Arrays.copyOfRange(found.bytes(), found.start(n), found.start(n) + found.length(n)))
          .isEqualTo(version.getValue());
      n++;
      if (version.getValue()[0] == 0) {
        break;
      }
    }
    assertThat(found.count()).isEqualTo(n);
  }

  @Seeded(tries = 5)
  void givesWhatWasWritten(long seed) throws Exception {
    RandomGenerator random = RandomGeneratorFactory.of("L64X128MixRandom").create(seed);
    Path file = directory.resolve("layer");
    LayerDescriptor written = writeDelta(file, random);
    assertThat(written.sizeBytes()).isEqualTo(Files.size(file));
    assertThat(written.crc32c()).isEqualTo(FileChecksum.crc32c(file));
    LayerHandle handle = handle(written, file);
    handle.verify();
    readAll(handle, random);
  }

  /** As all files had it once; made by the writer of that time. */
  @Test
  void readsAFileInWhichEachVersionIsAnEntry() throws Exception {
    Path file = directory.resolve("layer");
    try (InputStream in = LayerFileTest.class.getResourceAsStream("/layers/format-1.layer")) {
      Files.copy(Objects.requireNonNull(in), file);
    }
    for (int block = 0; block < 3; block++) {
      for (int number = 1; number <= 40; number++) {
        byte[] value = new byte[20 + number];
        Arrays.fill(value, (byte) (block * 40 + number));
        value[0] = (byte) (number == 1 ? 0 : 4);
        expected
            .computeIfAbsent(Key.relationBlock(TABLE, block), _ -> new TreeMap<>())
            .put(1_000 + 8L * number, value);
      }
    }
    LayerName name =
        new LayerName(
            LayerKind.DELTA,
            expected.firstKey(),
            expected.lastKey().next(),
            new Lsn(1_000),
            new Lsn(1_328),
            1);
    LayerHandle handle =
        handle(new LayerDescriptor(name, 0, Files.size(file), FileChecksum.crc32c(file)), file);
    assertThat(handle.versionCount()).isEqualTo(120);
    readAll(handle, RandomGeneratorFactory.of("L64X128MixRandom").create(1));
  }

  /** A version that is not the first of its entry is found again after the buffers had others. */
  @Test
  void cursorsShareBuffers() throws Exception {
    Path file = directory.resolve("layer");
    LayerDescriptor written =
        writeDelta(file, RandomGeneratorFactory.of("L64X128MixRandom").create(2));
    SstLayer layer = SstLayer.open(environment, OWNER, written, file);
    EntryBuffers buffers = new EntryBuffers();
    SstCursor one = layer.borrow();
    SstCursor other = layer.borrow();
    List<Key> keys = List.copyOf(expected.keySet());
    for (int i = 0; i < keys.size(); i++) {
      Key key = keys.get(i);
      Key another = keys.get((i + 1) % keys.size());
      TreeMap<Long, byte[]> own = Objects.requireNonNull(expected.get(key));
      long oldest = own.firstKey();
      TreeMap<Long, byte[]> others = Objects.requireNonNull(expected.get(another));
      long newest = others.lastKey();
      one.seek(buffers, key, oldest);
      other.seek(buffers, another, newest);
      assertThat(one.readKey(buffers)).isEqualTo(oldest);
      assertThat(other.readKey(buffers)).isEqualTo(newest);
      assertThat(bytes(one.readValue(buffers))).isEqualTo(own.get(oldest));
      assertThat(bytes(other.readValue(buffers))).isEqualTo(others.get(newest));
    }
    layer.giveBack(one);
    layer.giveBack(other);
    layer.release();
  }

  private static byte[] bytes(ByteBuffer value) {
    byte[] bytes = new byte[value.remaining()];
    value.get(bytes);
    return bytes;
  }

  @Test
  void refusesAFileThatIsAnotherLayer() throws Exception {
    Path file = directory.resolve("layer");
    RandomGenerator random = RandomGeneratorFactory.of("L64X128MixRandom").create(1);
    LayerDescriptor written = writeDelta(file, random);
    LayerName other =
        new LayerName(
            LayerKind.DELTA,
            written.name().keyFrom(),
            written.name().keyTo(),
            new Lsn(102),
            new Lsn(5000),
            7);
    LayerDescriptor wrong = new LayerDescriptor(other, 0, written.sizeBytes(), written.crc32c());
    assertThatThrownBy(() -> readAll(handle(wrong, file), random))
        .isInstanceOf(StorageException.Corrupt.class)
        .hasMessageContaining(file.toString())
        .hasMessageContaining(written.name().toString());
    TenantTimelineId stranger = new TenantTimelineId(OWNER.tenant(), new TimelineId(9, 9));
    LayerHandle foreign = new LayerHandle(environment, new OneFile(file), stranger, written);
    assertThatThrownBy(() -> readAll(foreign, random))
        .isInstanceOf(StorageException.Corrupt.class)
        .hasMessageContaining(OWNER.toString());
  }

  @Seeded(tries = 60)
  void findsAFlippedBitOrIsNotTouchedByIt(long seed) throws Exception {
    RandomGenerator random = RandomGeneratorFactory.of("L64X128MixRandom").create(seed);
    Path file = directory.resolve("layer");
    LayerDescriptor written = writeDelta(file, random);
    flipBit(file, random.nextLong(written.sizeBytes()), random.nextInt(8));
    assertThat(FileChecksum.crc32c(file)).isNotEqualTo(written.crc32c());
    try {
      // Whatever is answered is compared to what was written.
      readAll(handle(written, file), random);
    } catch (StorageException.Corrupt e) {
      assertThat(e).hasMessageContaining(file.toString());
    }
  }

  @Test
  void findsDamageInEveryBlockOfValues() throws Exception {
    RandomGenerator random = RandomGeneratorFactory.of("L64X128MixRandom").create(3);
    Path file = directory.resolve("layer");
    LayerDescriptor written = writeDelta(file, random);
    int found = 0;
    for (long at = 1000; at < 60_000; at += 6_000) {
      flipBit(file, at, 3);
      try {
        readAll(handle(written, file), random);
      } catch (StorageException.Corrupt e) {
        found++;
      }
      flipBit(file, at, 3);
    }
    assertThat(found).isEqualTo(10);
    readAll(handle(written, file), random);
  }

  @Test
  void refusesATruncatedFile() throws Exception {
    RandomGenerator random = RandomGeneratorFactory.of("L64X128MixRandom").create(3);
    Path file = directory.resolve("layer");
    LayerDescriptor written = writeDelta(file, random);
    byte[] bytes = Files.readAllBytes(file);
    for (int length : new int[] {0, 10, bytes.length / 2, bytes.length - 1}) {
      Files.write(file, Arrays.copyOf(bytes, length));
      assertThatThrownBy(() -> readAll(handle(written, file), random))
          .isInstanceOf(StorageException.Corrupt.class)
          .hasMessageContaining(file.toString());
    }
  }

  private static void flipBit(Path file, long at, int bit) throws IOException {
    byte[] bytes = Files.readAllBytes(file);
    bytes[(int) at] ^= (byte) (1 << bit);
    Files.write(file, bytes);
  }
}
