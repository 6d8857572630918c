package io.coppice.safekeeper.wal;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.TenantId;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.common.id.TimelineId;
import io.coppice.safekeeper.consensus.AcceptorState;
import io.coppice.safekeeper.consensus.Retention;
import io.coppice.safekeeper.consensus.TermHistory;
import io.coppice.safekeeper.consensus.TermSwitch;
import io.coppice.safekeeper.consensus.TimelineProperties;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.zip.CRC32C;
import org.junit.jupiter.api.Test;

final class ControlFileCodecTest {
  private static final Path FILE = Path.of("control");

  static AcceptorState state() {
    return new AcceptorState(
        new TimelineProperties(
            new TenantTimelineId(new TenantId(0x1122, 0x3344), new TimelineId(0x5566, -2)),
            15,
            -77,
            1 << 24,
            new Lsn(0x1500028)),
        3,
        9,
        new TermHistory(
            List.of(new TermSwitch(1, new Lsn(0x1500028)), new TermSwitch(9, new Lsn(0x1600000)))),
        new Lsn(0x1580000),
        new Lsn(0x1570000),
        new Retention(new Lsn(0x1500028), new Lsn(0x1560000), new Lsn(0x1550000)));
  }

  /** As safekeepers wrote it that kept all of their WAL. */
  private static byte[] ofVersion1(AcceptorState state) {
    byte[] newer = ControlFileCodec.encode(state);
    byte[] older = Arrays.copyOf(newer, newer.length - 24);
    ByteBuffer bytes = ByteBuffer.wrap(older).order(ByteOrder.LITTLE_ENDIAN);
    CRC32C crc = new CRC32C();
    bytes.putInt(8, 1).putInt(12, older.length);
    crc.update(older, 0, older.length - 4);
    bytes.putInt(older.length - 4, (int) crc.getValue());
    return older;
  }

  @Test
  void readsVersion1AsWhatHasAllOfItsWal() throws Exception {
    AcceptorState read = ControlFileCodec.decode(FILE, ofVersion1(state()));
    assertThat(read.retention()).isEqualTo(Retention.initial(new Lsn(0x1500028)));
    assertThat(read.history()).isEqualTo(state().history());
    assertThat(read.commitLsn()).isEqualTo(state().commitLsn());
  }

  @Test
  void readsWhatItWrote() throws Exception {
    assertThat(ControlFileCodec.decode(FILE, ControlFileCodec.encode(state()))).isEqualTo(state());
  }

  @Test
  void hasTheLayoutOfItsPicture() {
    ByteBuffer bytes =
        ByteBuffer.wrap(ControlFileCodec.encode(state())).order(ByteOrder.LITTLE_ENDIAN);
    assertThat(bytes.capacity()).isEqualTo(112 + 2 * 16 + 24 + 4);
    assertThat(bytes.getInt(8)).isEqualTo(2);
    assertThat(bytes.getInt(12)).isEqualTo(bytes.capacity());
    assertThat(bytes.getInt(48)).isEqualTo(15);
    assertThat(bytes.getInt(52)).isEqualTo(1 << 24);
    assertThat(bytes.getLong(56)).isEqualTo(-77);
    assertThat(bytes.getLong(64)).isEqualTo(0x1500028);
    assertThat(bytes.getInt(72)).isEqualTo(3);
    assertThat(bytes.getLong(80)).isEqualTo(9);
    assertThat(bytes.getLong(88)).isEqualTo(0x1580000);
    assertThat(bytes.getLong(96)).isEqualTo(0x1570000);
    assertThat(bytes.getInt(104)).isEqualTo(2);
    assertThat(bytes.getLong(112 + 16)).isEqualTo(9);
    assertThat(bytes.getLong(112 + 2 * 16)).isEqualTo(0x1500028);
    assertThat(bytes.getLong(112 + 2 * 16 + 8)).isEqualTo(0x1560000);
    assertThat(bytes.getLong(112 + 2 * 16 + 16)).isEqualTo(0x1550000);
  }

  @Test
  void refusesEveryFlippedBit() {
    byte[] bytes = ControlFileCodec.encode(state());
    for (int bit = 0; bit < bytes.length * 8; bit++) {
      byte[] flipped = bytes.clone();
      flipped[bit / 8] ^= (byte) (1 << (bit % 8));
      assertThatThrownBy(() -> ControlFileCodec.decode(FILE, flipped))
          .as("bit %d", bit)
          .isInstanceOf(StorageException.Corrupt.class)
          .hasMessageContaining("control, offset");
    }
  }

  /** Of the size that a timeline has after a hundred elections: four sectors. */
  static AcceptorState grown(int elections) {
    List<TermSwitch> entries = new ArrayList<>();
    for (int i = 1; i <= elections; i++) {
      entries.add(new TermSwitch(i * 3L, new Lsn(0x1500028 + i * 0x12340L)));
    }
    AcceptorState base = state();
    return new AcceptorState(
        base.properties(),
        base.generation(),
        elections * 3L,
        new TermHistory(entries),
        base.commitLsn().plus(elections * 8L),
        base.truncateLsn());
  }

  @Test
  void refusesEveryFlippedBitOfALongOne() {
    byte[] bytes = ControlFileCodec.encode(grown(100));
    for (int bit = 0; bit < bytes.length * 8; bit++) {
      byte[] flipped = bytes.clone();
      flipped[bit / 8] ^= (byte) (1 << (bit % 8));
      assertThatThrownBy(() -> ControlFileCodec.decode(FILE, flipped))
          .as("bit %d", bit)
          .isInstanceOf(StorageException.Corrupt.class);
    }
  }

  /** Every mix of the sectors of two files, and every set of sectors that were never written. */
  @Test
  void refusesEveryTear() throws Exception {
    byte[] zeros = new byte[0];
    AcceptorState old = grown(100);
    for (AcceptorState next : List.of(grown(100), grown(101), grown(60), grown(130))) {
      AcceptorState changed = next.equals(old) ? withNextTerm(next) : next;
      byte[] written = ControlFileCodec.encode(changed);
      assertNoMixPasses(ControlFileCodec.encode(old), written, old, changed);
      assertNoMixPasses(zeros, written, old, changed);
    }
  }

  private static AcceptorState withNextTerm(AcceptorState state) {
    return new AcceptorState(
        state.properties(),
        state.generation(),
        state.term() + 1,
        state.history(),
        state.commitLsn(),
        state.truncateLsn());
  }

  private static void assertNoMixPasses(
      byte[] before, byte[] after, AcceptorState old, AcceptorState next) throws Exception {
    for (int length : new int[] {before.length, after.length}) {
      int sectors = Math.ceilDiv(length, 512);
      for (int mix = 0; mix < 1 << sectors; mix++) {
        byte[] torn = new byte[length];
        for (int sector = 0; sector < sectors; sector++) {
          byte[] from = (mix >> sector & 1) == 0 ? before : after;
          int count = Math.clamp(Math.min(length, from.length) - sector * 512L, 0, 512);
          System.arraycopy(from, Math.min(from.length, sector * 512), torn, sector * 512, count);
        }
        try {
          AcceptorState read = ControlFileCodec.decode(FILE, torn);
          assertThat(read).as("mix %d", mix).isIn(old, next);
          assertThat(torn).isIn(before, after);
        } catch (StorageException.Corrupt refused) {
          assertThat(torn).as("mix %d", mix).isNotEqualTo(after);
          assertThat(before.length == 0 || !Arrays.equals(torn, before)).isTrue();
        }
      }
    }
  }

  @Test
  void refusesEveryShorterFile() {
    byte[] bytes = ControlFileCodec.encode(state());
    for (int length = 0; length < bytes.length; length++) {
      byte[] torn = Arrays.copyOf(bytes, length);
      assertThatThrownBy(() -> ControlFileCodec.decode(FILE, torn))
          .as("length %d", length)
          .isInstanceOf(StorageException.Corrupt.class);
    }
  }

  @Test
  void saysWhichVersionItReads() {
    byte[] bytes = ControlFileCodec.encode(state());
    ByteBuffer newer = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    newer.putInt(8, 3);
    CRC32C crc = new CRC32C();
    crc.update(bytes, 0, bytes.length - 4);
    newer.putInt(bytes.length - 4, (int) crc.getValue());
    assertThatThrownBy(() -> ControlFileCodec.decode(FILE, bytes))
        .isInstanceOf(StorageException.Unsupported.class)
        .hasMessage("control is of version 3; this safekeeper reads versions 1 and 2");
  }
}
