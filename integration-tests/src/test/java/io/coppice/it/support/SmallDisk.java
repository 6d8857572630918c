package io.coppice.it.support;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Optional;

/** A file system of a few megabytes, which can be filled to its last byte. Needs root. */
public final class SmallDisk {
  private static final int LARGE_PIECE_SIZE_BYTES = 1 << 20;
  private static final int PIECE_SIZE_BYTES = 4_096;

  private final Path mount;

  private SmallDisk(Path mount) {
    this.mount = mount;
  }

  /**
   * Mounts one.
   *
   * @return empty if that cannot be done here
   */
  public static Optional<SmallDisk> mount(Path directory, int sizeMegabytes)
      throws IOException, InterruptedException {
    Files.createDirectories(directory);
    int exitCode =
        Commands.run(
                "mount",
                "-t",
                "tmpfs",
                "-o",
                "size=%dm".formatted(sizeMegabytes),
                "tmpfs",
                directory.toString())
            .exitCode();
    return exitCode == 0 ? Optional.of(new SmallDisk(directory)) : Optional.empty();
  }

  /** Leaves no room; returns how many bytes there were. */
  public long fill() throws IOException {
    return fill(LARGE_PIECE_SIZE_BYTES) + fill(PIECE_SIZE_BYTES);
  }

  private long fill(int pieceSizeBytes) throws IOException {
    long written = 0;
    byte[] piece = new byte[pieceSizeBytes];
    try (OutputStream out =
        Files.newOutputStream(ballast(), StandardOpenOption.CREATE, StandardOpenOption.APPEND)) {
      while (true) {
        out.write(piece);
        written += piece.length;
      }
    } catch (IOException full) {
      if (String.valueOf(full.getMessage()).contains("No space left")) {
        return written;
      }
      throw full;
    }
  }

  /** There is room again. */
  public void empty() throws IOException {
    Files.delete(ballast());
  }

  private Path ballast() {
    return mount.resolve("ballast");
  }

  /** To be called once nobody uses it any more. */
  public void unmount() throws InterruptedException {
    Commands.succeed("umount", mount.toString());
  }
}
