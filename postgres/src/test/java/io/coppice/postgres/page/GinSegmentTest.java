package io.coppice.postgres.page;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.coppice.common.error.StorageException;
import io.coppice.testsupport.Seeded;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

final class GinSegmentTest {
  private static final long LAST = (1L << 43) - 1;

  private final byte[] bytes = new byte[1000];
  private final GinSegment.Writer writer = new GinSegment.Writer();
  private final GinSegment.Reader reader = new GinSegment.Reader();

  private int write(long... positions) throws StorageException.Corrupt {
    writer.begin(bytes, 0, bytes.length);
    for (long position : positions) {
      writer.add(position);
    }
    return writer.end();
  }

  private List<Long> read() throws StorageException.Corrupt {
    List<Long> positions = new ArrayList<>();
    reader.open(bytes, 0);
    while (reader.hasNext()) {
      positions.add(reader.next());
    }
    return positions;
  }

  @Test
  void thePositionsAfterTheFirstAreDifferences() throws Exception {
    Arrays.fill(bytes, (byte) 0x55);
    int end = write(0x1_0002L << 11 | 3, 0x1_0002L << 11 | 4, 0x1_0003L << 11 | 1);
    assertThat(Arrays.copyOf(bytes, end + 1))
        .containsExactly(1, 0, 2, 0, 3, 0, 3, 0, 1, 0xFD, 0x0F, 0, 0x55);
    assertThat(GinSegment.size(bytes, 0, end)).isEqualTo(end);
  }

  @Test
  void theGreatestDifferenceTakesSevenBytes() throws Exception {
    assertThat(write(1, LAST)).isEqualTo(GinSegment.HEADER_BYTES + 8);
    assertThat(read()).containsExactly(1L, LAST);
  }

  @Seeded(tries = 200)
  void whatIsWrittenIsRead(long seed) throws Exception {
    Random random = new Random(seed);
    TreeSet<Long> positions = new TreeSet<>();
    int bits = 1 + random.nextInt(43);
    for (int i = random.nextInt(120); i >= 0; i--) {
      long position = random.nextLong(1L << bits);
      positions.add(position | 1);
    }
    int end = write(positions.stream().mapToLong(Long::longValue).toArray());
    assertThat(end % 2).isZero();
    assertThat(read()).containsExactlyElementsOf(positions);
  }

  @Test
  void positionsMustAscendAndFit() {
    assertThatThrownBy(() -> write(5, 5)).isInstanceOf(StorageException.Corrupt.class);
    assertThatThrownBy(() -> write(5, 4)).isInstanceOf(StorageException.Corrupt.class);
    assertThatThrownBy(() -> write(LAST + 1)).isInstanceOf(StorageException.Corrupt.class);
    writer.begin(bytes, 0, 9);
    assertThatThrownBy(
            () -> {
              writer.add(1);
              writer.add(2);
              writer.add(3);
            })
        .isInstanceOf(StorageException.Corrupt.class);
    writer.begin(bytes, 0, 7);
    assertThatThrownBy(() -> writer.add(1)).isInstanceOf(StorageException.Corrupt.class);
  }

  @Test
  void aSegmentThatIsCutIsCorrupt() throws Exception {
    int end = write(1, 2, 3, 4, 5);
    for (int cut = 0; cut < end; cut++) {
      int limit = cut;
      assertThatThrownBy(() -> GinSegment.size(bytes, 0, limit))
          .isInstanceOf(StorageException.Corrupt.class);
    }
  }

  @Test
  void aDifferenceWithoutEndIsCorrupt() throws Exception {
    write(1, LAST);
    bytes[GinSegment.HEADER_BYTES + 6] |= (byte) 0x80;
    assertThatThrownBy(this::read).isInstanceOf(StorageException.Corrupt.class);
    write(1, 2);
    bytes[GinSegment.HEADER_BYTES] |= (byte) 0x80;
    assertThatThrownBy(this::read).isInstanceOf(StorageException.Corrupt.class);
  }

  @Test
  void anOffsetNumberOutOfBoundsIsCorrupt() throws Exception {
    write(1);
    bytes[5] = 8;
    assertThatThrownBy(this::read).isInstanceOf(StorageException.Corrupt.class);
    bytes[4] = 0;
    bytes[5] = 0;
    assertThatThrownBy(this::read).isInstanceOf(StorageException.Corrupt.class);
  }
}
