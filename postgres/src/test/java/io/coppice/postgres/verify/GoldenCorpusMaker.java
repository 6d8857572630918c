package io.coppice.postgres.verify;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/** Makes a golden corpus of what {@code make-wal.sh} left; {@code make-golden.sh} runs it. */
final class GoldenCorpusMaker {
  private GoldenCorpusMaker() {}

  /** Arguments: the directory that {@code make-wal.sh} wrote, the file to write. */
  public static void main(String[] arguments) throws Exception {
    Path directory = Path.of(arguments[0]);
    ServerWal wal = ServerWal.read(directory.resolve("base"), directory.resolve("data"));
    DirectoryPages base = new DirectoryPages(directory.resolve("base"));
    Map<GoldenCorpus.PageId, byte[]> used = new LinkedHashMap<>();
    Replay.of(
        wal,
        (fork, block, page) -> {
          boolean found = base.read(fork, block, page);
          if (found) {
            used.put(new GoldenCorpus.PageId(fork, block), page.clone());
          }
          return found;
        });
    new GoldenCorpus(wal.version(), wal.segmentSizeBytes(), wal.start(), wal.bytes(), used)
        .write(Path.of(arguments[1]));
  }
}
