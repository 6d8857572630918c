package io.coppice.postgres.verify;

import com.github.luben.zstd.ZstdInputStream;
import com.github.luben.zstd.ZstdOutputStream;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.RelationTag;
import io.coppice.postgres.golden.Golden;
import io.coppice.postgres.page.Page;
import io.coppice.postgres.version.PostgresVersion;
import java.io.ByteArrayInputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * A stretch of WAL, and those pages from before it that it builds on, in one compressed file.
 *
 * <pre>
 *  magic u64 | segment size u32 | start LSN u64 | WAL length u32 | WAL | pages u32
 *  for each page: tablespace, database, relation, fork, block u32 each | 8192 bytes
 * </pre>
 *
 * The major is not in it. All big endian, in one zstd stream: images that differ little lie far
 * apart, which only a long window sees.
 */
@SuppressWarnings("ArrayRecordComponent")
record GoldenCorpus(
    PostgresVersion version,
    int segmentSizeBytes,
    Lsn start,
    byte[] wal,
    Map<PageId, byte[]> pages) {
  private static final long MAGIC = 0x434F_5050_5741_4C31L;
  private static final int LEVEL = 19;
  private static final int WINDOW_LOG = 27;

  record PageId(RelationTag fork, int block) {}

  void write(Path file) throws IOException {
    ZstdOutputStream zstd = new ZstdOutputStream(Files.newOutputStream(file), LEVEL);
    zstd.setLong(WINDOW_LOG);
    try (DataOutputStream out = new DataOutputStream(zstd)) {
      out.writeLong(MAGIC);
      out.writeInt(segmentSizeBytes);
      out.writeLong(start.value());
      out.writeInt(wal.length);
      out.write(wal);
      out.writeInt(pages.size());
      for (Map.Entry<PageId, byte[]> entry : pages.entrySet()) {
        RelationTag fork = entry.getKey().fork();
        out.writeInt(fork.spcOid());
        out.writeInt(fork.dbOid());
        out.writeInt(fork.relNumber());
        out.writeInt(fork.fork());
        out.writeInt(entry.getKey().block());
        out.write(entry.getValue());
      }
    }
  }

  /** Reads the golden corpus of a major. */
  static GoldenCorpus read(PostgresVersion version) throws IOException {
    try (InputStream file = new ByteArrayInputStream(Golden.read(version, "redo.corpus.zst"))) {
      return read(version, file);
    }
  }

  private static GoldenCorpus read(PostgresVersion version, InputStream file) throws IOException {
    ZstdInputStream zstd = new ZstdInputStream(file);
    zstd.setLongMax(WINDOW_LOG);
    try (DataInputStream in = new DataInputStream(zstd)) {
      if (in.readLong() != MAGIC) {
        throw new IOException("not a corpus of WAL");
      }
      int segmentSizeBytes = in.readInt();
      Lsn start = new Lsn(in.readLong());
      byte[] wal = in.readNBytes(in.readInt());
      Map<PageId, byte[]> pages = new LinkedHashMap<>();
      int count = in.readInt();
      for (int i = 0; i < count; i++) {
        RelationTag fork = new RelationTag(in.readInt(), in.readInt(), in.readInt(), in.readInt());
        pages.put(new PageId(fork, in.readInt()), in.readNBytes(Page.SIZE_BYTES));
      }
      return new GoldenCorpus(version, segmentSizeBytes, start, wal, pages);
    }
  }

  ServerWal serverWal() {
    return new ServerWal(version, segmentSizeBytes, start, wal);
  }

  /** The corpus's pages, as they were before its WAL. */
  BasePages basePages() {
    return (fork, block, page) -> {
      byte[] found = pages.get(new PageId(fork, block));
      if (found != null) {
        System.arraycopy(found, 0, page, 0, Page.SIZE_BYTES);
      }
      return found != null;
    };
  }
}
