package io.coppice.safekeeper.consensus;

import io.coppice.common.id.Lsn;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/**
 * One node's disk. What was not synced may be lost by a crash, byte by byte; and a crash may come
 * in the middle of any operation, after which the node must be started anew.
 */
final class SimDisk implements AcceptorStateStore {
  static final int SIZE_BYTES = 16 * 1024;
  static final Lsn START = new Lsn(1 << 20);

  /** Thrown out of the node's code when the machine loses power. */
  static final class PowerLost extends RuntimeException {}

  private final RandomGenerator random;
  private final Mutant mutant;
  private @Nullable AcceptorState state;
  private byte[] durable = new byte[SIZE_BYTES];
  private byte[] cached = new byte[SIZE_BYTES];
  private double crashChance;

  SimDisk(RandomGenerator random, Mutant mutant) {
    this.random = random;
    this.mutant = mutant;
  }

  void setCrashChance(double chance) {
    crashChance = chance;
  }

  @Nullable AcceptorState state() {
    return state;
  }

  /** Bytes that would survive. */
  byte[] durable() {
    return durable;
  }

  private void maybeCrash() {
    if (random.nextDouble() < crashChance) {
      throw new PowerLost();
    }
  }

  @Override
  public void persist(AcceptorState next) {
    maybeCrash();
    AcceptorState old = state;
    if (mutant == Mutant.FORGETS_ITS_TERM && old != null && next.history().equals(old.history())) {
      return;
    }
    state = next;
    maybeCrash();
  }

  /** What was cached and not synced is there or not, each byte by itself. */
  void losePower() {
    for (int i = 0; i < SIZE_BYTES; i++) {
      if (durable[i] != cached[i] && random.nextBoolean()) {
        durable[i] = cached[i];
      }
    }
    cached = durable.clone();
  }

  private void sync() {
    maybeCrash();
    durable = cached.clone();
    maybeCrash();
  }

  /** Opens the log as the real store does: find the end, clear what is behind, sync. */
  WalStore open(AcceptorState from) {
    int end = SimRecords.end(cached, offset(from.commitLsn()), SIZE_BYTES);
    if (mutant != Mutant.LEAVES_CUT_WAL_ON_DISK) {
      Arrays.fill(cached, end, SIZE_BYTES, (byte) 0);
    }
    durable = cached.clone();
    return new Store(end);
  }

  static int offset(Lsn lsn) {
    return (int) lsn.minus(START);
  }

  private final class Store implements WalStore {
    private int writeEnd;
    private int recordEnd;
    private int flushEnd;

    Store(int end) {
      writeEnd = end;
      recordEnd = end;
      flushEnd = end;
    }

    @Override
    public Lsn writeLsn() {
      return START.plus(writeEnd);
    }

    @Override
    public Lsn flushLsn() {
      return START.plus(flushEnd);
    }

    @Override
    public void write(Lsn begin, ByteBuffer data) {
      maybeCrash();
      int length = data.remaining();
      data.get(data.position(), cached, offset(begin), length);
      writeEnd += length;
      recordEnd = SimRecords.end(cached, recordEnd, writeEnd);
    }

    @Override
    public void flush() {
      if (mutant != Mutant.ACKNOWLEDGES_BEFORE_SYNC) {
        sync();
      }
      flushEnd = recordEnd;
    }

    @Override
    public void truncate(Lsn end) {
      int cut = offset(end);
      if (mutant != Mutant.LEAVES_CUT_WAL_ON_DISK) {
        Arrays.fill(cached, cut, SIZE_BYTES, (byte) 0);
        sync();
      }
      writeEnd = cut;
      recordEnd = cut;
      flushEnd = cut;
    }
  }
}
