package io.coppice.pageserver.layer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.coppice.common.key.Key;
import io.coppice.testsupport.Seeded;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

final class VersionRunTest {
  private static final Key KEY = new Key(0, 1663, 5, 16384, 0, 7);

  private final VersionRunWriter writer = new VersionRunWriter();
  private final VersionRun run = new VersionRun();

  private record Version(long lsn, ByteBuffer value) {
    int length() {
      return value.remaining();
    }
  }

  /** As many random versions, newest first, as one entry takes. */
  private List<Version> fill(SplittableRandom random) {
    List<Version> versions = new ArrayList<>();
    int sizeBound = 2 << random.nextInt(13);
    long lsn = -1 - random.nextLong(1L << 40);
    Version next = version(random, lsn, sizeBound);
    writer.clear();
    do {
      writer.add(KEY, next.lsn, next.value.duplicate());
      versions.add(next);
      lsn -= 1 + random.nextLong(1L << random.nextInt(50));
      next = version(random, lsn, sizeBound);
    } while (writer.takes(KEY, next.length()));
    return versions;
  }

  private static Version version(SplittableRandom random, long lsn, int sizeBound) {
    byte[] value = new byte[random.nextInt(sizeBound)];
    random.nextBytes(value);
    return new Version(lsn, ByteBuffer.wrap(value));
  }

  private static ByteBuffer copy(ByteBuffer entry) {
    byte[] bytes = new byte[entry.remaining()];
    entry.duplicate().get(bytes);
    return ByteBuffer.wrap(bytes);
  }

  @Seeded(tries = 200)
  void givesWhatWasWritten(long seed) throws Exception {
    List<Version> versions = fill(new SplittableRandom(seed));
    assertThat(writer.oldestLsn()).isEqualTo(versions.getLast().lsn);

    run.decode(writer.entry(), writer.oldestLsn());

    assertThat(run.count()).isEqualTo(versions.size());
    for (int i = 0; i < versions.size(); i++) {
      Version version = versions.get(i);
      assertThat(run.lsn(i)).isEqualTo(version.lsn);
      assertThat(run.value(i)).isEqualTo(version.value);
      assertThat(run.newestAtOrBefore(version.lsn)).isEqualTo(i);
      assertThat(run.newestAtOrBefore(version.lsn - 1)).isEqualTo(i + 1);
    }
  }

  @Test
  void takesSmallVersionsOfItsKeyUpToASize() {
    byte[] value = new byte[VersionRun.SIZE_BYTES_MAX / 2];
    assertThat(writer.takes(KEY, 0)).as("the first is added, not taken").isFalse();
    writer.add(KEY, 100, ByteBuffer.wrap(value));
    assertThat(writer.takes(KEY.next(), 1)).as("another key").isFalse();
    assertThat(writer.takes(KEY, value.length + 1)).as("too much").isFalse();
    assertThat(writer.takes(KEY, value.length)).isTrue();
  }

  @Test
  void takesSoManyVersions() {
    for (int i = 0; i < VersionRun.COUNT_MAX; i++) {
      assertThat(i == 0 || writer.takes(KEY, 0)).isTrue();
      writer.add(KEY, 1_000 - i, ByteBuffer.allocate(0));
    }
    assertThat(writer.takes(KEY, 0)).isFalse();
  }

  @Test
  void aVersionMayBeLargerThanWhatIsGathered() throws Exception {
    byte[] value = new byte[1 << 20];
    Arrays.fill(value, (byte) 3);
    writer.add(KEY, 5, ByteBuffer.wrap(value));
    run.decode(writer.entry(), 5);
    assertThat(run.count()).isOne();
    assertThat(copy(run.value(0)).array()).isEqualTo(value);
  }

  /** The block's checksum has found damage before that; a decoder must not rely on it. */
  @Seeded(tries = 200)
  void refusesOrBoundsWhatNoWriterWrote(long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    fill(random);
    byte[] damaged = copy(writer.entry()).array();
    int header = Math.min(damaged.length, 24);
    for (int i = 0; i < 3 && header > 0; i++) {
      damaged[random.nextInt(header)] = (byte) random.nextInt();
    }
    ByteBuffer cut = ByteBuffer.wrap(damaged, 0, random.nextInt(damaged.length + 1));
    try {
      run.decode(cut, writer.oldestLsn());
    } catch (VersionRun.Malformed refused) {
      assertThat(refused).message().isNotEmpty();
      return;
    }
    int sizeBytes = 0;
    for (int i = 0; i < run.count(); i++) {
      sizeBytes += run.value(i).remaining();
    }
    assertThat(sizeBytes).isLessThan(damaged.length);
  }

  @Test
  void saysWhatIsWrong() {
    assertThatThrownBy(() -> run.decode(ByteBuffer.allocate(0), 8))
        .isInstanceOf(VersionRun.Malformed.class)
        .hasMessage("bytes: 0");
    assertThatThrownBy(() -> run.decode(ByteBuffer.wrap(new byte[] {(byte) 0xFF, 1}), 8))
        .hasMessage("versions: 256");
    assertThatThrownBy(() -> run.decode(ByteBuffer.wrap(new byte[] {1, 0, 0}), 8))
        .hasMessage("LSN: 8");
  }
}
