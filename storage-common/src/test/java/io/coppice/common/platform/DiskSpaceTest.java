package io.coppice.common.platform;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.coppice.testsupport.disk.SimDisk;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

final class DiskSpaceTest {
  private static final int SIZE = 1 << 20;
  private static final int STAT_BLOCK_SIZE_BYTES = 512;

  @TempDir Path directory;

  /** As the program of that name finds out; it must not be the class under test that says so. */
  private void assumeReserves() throws Exception {
    Path probe = directory.resolve("probe");
    assumeTrue(
        process("fallocate", "-l", "4096", probe.toString()).waitFor() == 0,
        "this file system cannot reserve");
  }

  private static Process process(String... command) throws IOException {
    return new ProcessBuilder(command).start();
  }

  private static String run(String... command) throws IOException {
    return new String(process(command).getInputStream().readAllBytes(), StandardCharsets.US_ASCII);
  }

  @Test
  @EnabledOnOs(OS.LINUX)
  void givesAFileItsLengthAndZeros() throws Exception {
    assumeReserves();
    Path file = Files.createFile(directory.resolve("file"));
    assertThat(DiskSpace.reserve(file, SIZE)).isTrue();
    assertThat(Files.readAllBytes(file)).isEqualTo(new byte[SIZE]);
    String blocks = run("stat", "-c", "%b", file.toString()).strip();
    assertThat(Long.parseLong(blocks) * STAT_BLOCK_SIZE_BYTES)
        .as("room on the disk, not only a length")
        .isGreaterThanOrEqualTo(SIZE);
  }

  @Test
  @EnabledOnOs(OS.LINUX)
  void keepsWhatIsThere() throws Exception {
    assumeReserves();
    Path file = Files.write(directory.resolve("file"), new byte[] {1, 2, 3});
    assertThat(DiskSpace.reserve(file, SIZE)).isTrue();
    assertThat(Files.readAllBytes(file)).hasSize(SIZE).startsWith(1, 2, 3, 0);
  }

  @Test
  void saysSoWhereItCannot() throws Exception {
    assertThat(DiskSpace.reserve(directory.resolve("missing"), SIZE)).isFalse();
    assertThat(DiskSpace.reserve(directory, SIZE)).isFalse();
    assertThat(DiskSpace.reserve(Path.of("/dev/null"), SIZE)).isFalse();
    Path simulated = Files.createFile(new SimDisk().root().resolve("file"));
    assertThat(DiskSpace.reserve(simulated, SIZE)).isFalse();
    assertThat(simulated).hasSize(0);
  }

  /** As large as no disk is: half a file would be worse than none, since whoever asks goes on. */
  @Test
  void saysSoWhereThereIsNoRoom() throws Exception {
    Path file = Files.createFile(directory.resolve("file"));
    assertThat(DiskSpace.reserve(file, 1L << 60)).isFalse();
    assertThat(file).hasSize(0);
  }
}
