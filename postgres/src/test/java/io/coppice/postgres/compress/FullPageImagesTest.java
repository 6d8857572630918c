package io.coppice.postgres.compress;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.RelationTag;
import io.coppice.postgres.golden.Golden;
import io.coppice.postgres.wal.WalRecord;
import io.coppice.testsupport.Seeded;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class FullPageImagesTest {
  private static final int PAGE = 8192;
  private static final int LSN_BYTES = 8;

  /** The pages of an index that was built with one kind of compression; its file is golden too. */
  @ParameterizedTest
  @CsvSource({"off,0", "pglz,4", "lz4,8", "zstd,16"})
  void restoresPagesThatEqualTheFile(String method, int compression) {
    byte[] file = Golden.read("index_" + method + ".gz");
    RelationTag index = indexOf(method);
    byte[][] pages = new byte[file.length / PAGE][];
    int[] compressed = new int[1];
    Golden.eachRecord(record -> {
      for (int id = 0; id < record.blockCount(); id++) {
        if (record.hasBlock(id) && record.blockTag(id).equals(index) && record.blockHasImage(id)) {
          pages[record.blockNumber(id)] = restored(record, id);
          compressed[0] += (record.blockImageInfo(id) & 0x1C) == compression ? 1 : 0;
        }
      }
    });
    assertThat(compressed[0]).as("images with this compression").isGreaterThan(3);
    int equal = 0;
    for (int block = 0; block < pages.length; block++) {
      byte[] expected = Arrays.copyOfRange(file, block * PAGE, (block + 1) * PAGE);
      if (Arrays.equals(withoutLsn(pages[block]), withoutLsn(expected))) {
        equal++;
      }
    }
    // Updates after the index was built changed a few pages once more.
    assertThat(equal).isGreaterThan(3);
  }

  private static RelationTag indexOf(String method) {
    return Golden.text("indexes.txt")
        .lines()
        .filter(line -> line.startsWith(method + " "))
        .map(line -> line.substring(method.length() + 1).split("/", -1))
        .map(parts ->
            new RelationTag(1663, Integer.parseInt(parts[0]), Integer.parseInt(parts[1]), 0))
        .findFirst()
        .orElseThrow();
  }

  private static byte[] withoutLsn(byte[] page) {
    return Arrays.copyOfRange(page, LSN_BYTES, PAGE);
  }

  private static byte[] restored(WalRecord record, int id) {
    byte[] page = new byte[PAGE];
    Arrays.fill(page, (byte) 0xEE);
    try {
      FullPageImages.restore(record, id, page);
    } catch (StorageException.Corrupt e) {
      throw new AssertionError(e);
    }
    return page;
  }

  @Test
  void restoresEveryImageOfTheLog() {
    int[] images = new int[1];
    Golden.eachRecord(record -> {
      for (int id = 0; id < record.blockCount(); id++) {
        if (record.hasBlock(id) && record.blockHasImage(id)) {
          byte[] page = restored(record, id);
          int sizeAndVersion = (page[18] & 0xFF) | (page[19] & 0xFF) << 8;
          assertThat(sizeAndVersion).isIn(0, PAGE | 4);
          images[0]++;
        }
      }
    });
    assertThat(images[0]).isGreaterThan(200);
  }

  /** Damaged images never reach outside the page, whatever they restore to. */
  @Seeded(tries = 5)
  void refusesOrBoundsADamagedImage(long seed) {
    Random random = new Random(seed);
    int[] refused = new int[1];
    byte[] page = new byte[PAGE];
    Golden.eachRecord(record -> {
      for (int id = 0; id < record.blockCount(); id++) {
        if (record.hasBlock(id)
            && (record.blockImageInfo(id) & WalRecord.IMAGE_COMPRESSED_MASK) != 0) {
          int offset = record.blockImageOffset(id);
          byte[] damaged =
              Arrays.copyOfRange(record.bytes(), offset, offset + record.blockImageLength(id));
          for (int flips = random.nextInt(1, 4); flips > 0; flips--) {
            damaged[random.nextInt(damaged.length)] ^= (byte) (1 << random.nextInt(8));
          }
          int kept = random.nextInt(4) == 0 ? random.nextInt(damaged.length) : damaged.length;
          try {
            FullPageImages.restore(
                damaged,
                0,
                kept,
                record.blockImageInfo(id),
                record.blockHoleOffset(id),
                record.blockHoleLength(id),
                page);
          } catch (StorageException.Corrupt e) {
            refused[0]++;
          }
        }
      }
    });
    assertThat(refused[0]).isPositive();
  }

  @Test
  void refusesMatchesThatGoNowhere() {
    // One control byte with the first item a match: length 3, distance 0; then distance 1 at the
    // start of the output.
    assertThatThrownBy(() -> pglz(new byte[] {1, 0, 0}))
        .isInstanceOf(StorageException.Corrupt.class)
        .hasMessageContaining("goes back by 0");
    assertThatThrownBy(() -> pglz(new byte[] {1, 0, 1}))
        .isInstanceOf(StorageException.Corrupt.class)
        .hasMessageContaining("goes back by 1");
    assertThatThrownBy(() -> pglz(new byte[] {2, 7, 0x0F, 1}))
        .isInstanceOf(StorageException.Corrupt.class)
        .hasMessageContaining("ends within a match");
    assertThatThrownBy(() -> pglz(new byte[] {2, 7, 0}))
        .isInstanceOf(StorageException.Corrupt.class)
        .hasMessageContaining("ends within a match");
    assertThatThrownBy(() -> pglz(new byte[] {0, 7}))
        .isInstanceOf(StorageException.Corrupt.class)
        .hasMessageContaining("expected 8192 bytes");
  }

  private static void pglz(byte[] source) throws StorageException {
    FullPageImages.restore(
        source, 0, source.length, WalRecord.IMAGE_COMPRESSED_PGLZ, 0, 0, new byte[PAGE]);
  }

  @Test
  void refusesAHoleOutsideThePage() {
    assertThatThrownBy(
            () -> FullPageImages.restore(new byte[PAGE], 0, 100, 1, 8000, 300, new byte[PAGE]))
        .isInstanceOf(StorageException.Corrupt.class)
        .hasMessageContaining("hole of 300 bytes at 8000");
    assertThatThrownBy(
            () -> FullPageImages.restore(new byte[PAGE], 0, 100, 1, 100, 300, new byte[PAGE]))
        .isInstanceOf(StorageException.Corrupt.class)
        .hasMessageContaining("expected 7892 bytes, got 100");
    assertThatThrownBy(
            () -> FullPageImages.restore(new byte[PAGE], 0, 100, 0x0C, 0, 0, new byte[PAGE]))
        .isInstanceOf(StorageException.Corrupt.class)
        .hasMessageContaining("more than one compression");
  }
}
