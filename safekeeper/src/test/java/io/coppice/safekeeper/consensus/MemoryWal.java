package io.coppice.safekeeper.consensus;

import io.coppice.common.id.Lsn;
import java.nio.ByteBuffer;

/** A log of which only the positions matter; each write is a whole record. */
final class MemoryWal implements WalStore {
  private Lsn writeLsn;
  private Lsn flushLsn;

  MemoryWal(Lsn end) {
    writeLsn = end;
    flushLsn = end;
  }

  @Override
  public Lsn writeLsn() {
    return writeLsn;
  }

  @Override
  public Lsn flushLsn() {
    return flushLsn;
  }

  @Override
  public void write(Lsn begin, ByteBuffer data) {
    writeLsn = begin.plus(data.remaining());
  }

  @Override
  public void flush() {
    flushLsn = writeLsn;
  }

  @Override
  public void truncate(Lsn end) {
    writeLsn = end;
    flushLsn = end;
  }
}
