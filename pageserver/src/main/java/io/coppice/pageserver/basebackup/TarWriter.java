package io.coppice.pageserver.basebackup;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveOutputStream;
import org.apache.commons.compress.archivers.tar.TarConstants;

/** Entries of a tar with the rights that Postgres wants: only the owner may read. */
final class TarWriter {
  private static final int FILE_MODE = 0100600;
  private static final int DIRECTORY_MODE = 040700;

  private final TarArchiveOutputStream tar;
  private final long timeMillis;

  TarWriter(OutputStream out, Instant time) {
    this.tar = new TarArchiveOutputStream(out, StandardCharsets.US_ASCII.name());
    this.tar.setBigNumberMode(TarArchiveOutputStream.BIGNUMBER_STAR);
    this.timeMillis = time.toEpochMilli();
  }

  void directory(String path) throws IOException {
    put(new TarArchiveEntry(path + "/", TarConstants.LF_DIR), DIRECTORY_MODE, 0);
    tar.closeArchiveEntry();
  }

  void file(String path, byte[] bytes) throws IOException {
    startFile(path, bytes.length);
    write(bytes);
    endFile();
  }

  /** Begins a file; exactly so many bytes must be written. */
  void startFile(String path, long sizeBytes) throws IOException {
    put(new TarArchiveEntry(path), FILE_MODE, sizeBytes);
  }

  void write(byte[] bytes) throws IOException {
    tar.write(bytes);
  }

  void endFile() throws IOException {
    tar.closeArchiveEntry();
  }

  private void put(TarArchiveEntry entry, int mode, long sizeBytes) throws IOException {
    entry.setMode(mode);
    entry.setSize(sizeBytes);
    entry.setModTime(timeMillis);
    tar.putArchiveEntry(entry);
  }

  /** Writes what ends a tar, without closing the stream below. */
  void finish() throws IOException {
    tar.finish();
    tar.flush();
  }
}
