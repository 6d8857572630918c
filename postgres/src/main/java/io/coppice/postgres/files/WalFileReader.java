package io.coppice.postgres.files;

import static io.coppice.postgres.bytes.LittleEndian.i64;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.postgres.version.PostgresVersion;
import io.coppice.postgres.wal.WalDecoder;
import io.coppice.postgres.wal.WalLayout;
import io.coppice.postgres.wal.WalRecord;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * Reads records from segment files, one after another, to the end of the log: zeros, a page that is
 * left from an older use of the file (servers rename old segments instead of making new ones), or
 * the end of the last segment. A gap in the middle is {@code Corrupt}. Not thread safe.
 */
public final class WalFileReader implements AutoCloseable {
  private static final int CHUNK_BYTES = 16 * PostgresVersion.WAL_PAGE_SIZE_BYTES;

  private final WalFiles files;
  private final WalDecoder decoder;
  private final byte[] chunk = new byte[CHUNK_BYTES];
  private Lsn fedUpTo;
  private @Nullable FileChannel open;
  private @Nullable Path openFile;
  private boolean ended;

  WalFileReader(WalFiles files, Lsn start, WalDecoder decoder) {
    this.files = files;
    this.decoder = decoder;
    this.fedUpTo = start;
    decoder.expectSystemId(files.systemId());
  }

  /**
   * Reads the next record.
   *
   * @return false at the end of the log
   * @throws StorageException.Corrupt if what is there is not WAL, or part of it is missing
   */
  public boolean next(WalRecord into) throws StorageException {
    while (!decoder.next(into)) {
      if (decoder.atEndOfWal() || ended) {
        return false;
      }
      feed();
    }
    return true;
  }

  /** End of the last record read. */
  public Lsn position() {
    return decoder.position();
  }

  private void feed() throws StorageException {
    try {
      FileChannel channel = channel();
      if (channel == null) {
        ended = true;
        return;
      }
      int segmentSize = files.segmentSizeBytes();
      int offset = (int) Long.remainderUnsigned(fedUpTo.value(), segmentSize);
      int inPage = offset % PostgresVersion.WAL_PAGE_SIZE_BYTES;
      int wanted = Math.min(CHUNK_BYTES - inPage, segmentSize - offset);
      ByteBuffer buffer = ByteBuffer.wrap(chunk, 0, wanted);
      while (buffer.hasRemaining()) {
        if (channel.read(buffer, (long) offset + buffer.position()) < 0) {
          break;
        }
      }
      int length = usable(buffer.position(), inPage);
      ended = length < wanted;
      decoder.feed(chunk, 0, length);
      fedUpTo = fedUpTo.plus(length);
    } catch (IOException e) {
      throw new StorageException.Transient("cannot read %s: %s".formatted(openFile, e), e);
    }
  }

  /** How much of the chunk comes before a page of an older use of this file. */
  private int usable(int length, int firstInPage) {
    int at = firstInPage == 0 ? 0 : PostgresVersion.WAL_PAGE_SIZE_BYTES - firstInPage;
    while (at + WalLayout.SHORT_PAGE_HEADER_BYTES <= length) {
      long address = i64(chunk, at + WalLayout.PAGE_ADDRESS);
      if (address != 0 && Long.compareUnsigned(address, fedUpTo.plus(at).value()) < 0) {
        return at;
      }
      at += PostgresVersion.WAL_PAGE_SIZE_BYTES;
    }
    return length;
  }

  private @Nullable FileChannel channel() throws StorageException, IOException {
    Path file = files.segment(fedUpTo).orElse(null);
    if (file == null) {
      if (files.hasWalAfter(fedUpTo)) {
        throw new StorageException.Corrupt(
            "%s: the segment at %s is missing, and there are later ones".formatted(files, fedUpTo));
      }
      return null;
    }
    if (!file.equals(openFile)) {
      close();
      open = FileChannel.open(file);
      openFile = file;
    }
    return open;
  }

  @Override
  public void close() {
    try {
      if (open != null) {
        open.close();
      }
    } catch (IOException e) {
      // It was only read: nothing is lost.
      throw new UncheckedIOException(e);
    } finally {
      open = null;
      openFile = null;
    }
  }
}
