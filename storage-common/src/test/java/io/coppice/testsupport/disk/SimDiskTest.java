package io.coppice.testsupport.disk;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.coppice.common.platform.DurableFiles;
import io.coppice.testsupport.Seeded;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

final class SimDiskTest {
  private final SimDisk disk = new SimDisk();
  private final Path root = disk.root();

  private void losePower(long seed, int percentKept) {
    disk.losePower(new SplittableRandom(seed), percentKept);
  }

  @Test
  void isAFileSystem() throws IOException {
    Path directory = root.resolve("a").resolve("b");
    Files.createDirectories(directory);
    Path file = directory.resolve("file");
    Files.writeString(file, "some text");
    assertThat(Files.readString(file)).isEqualTo("some text");
    assertThat(Files.size(file)).isEqualTo(9);
    Files.move(file, directory.resolve("other"), StandardCopyOption.ATOMIC_MOVE);
    assertThat(Files.exists(file)).isFalse();
    try (Stream<Path> files = Files.walk(root)) {
      assertThat(files.map(Path::toString)).containsExactly("/", "/a", "/a/b", "/a/b/other");
    }
    Files.delete(directory.resolve("other"));
    Files.delete(directory);
    assertThat(Files.isDirectory(root.resolve("a"))).isTrue();
    assertThat(Files.isDirectory(directory)).isFalse();
  }

  @Test
  void forgetsWhatWasNotSynced() throws IOException {
    Path file = root.resolve("file");
    Files.writeString(file, "gone");
    losePower(1, 0);
    assertThat(Files.exists(file)).isFalse();

    Files.writeString(file, "an empty file is left");
    DurableFiles.syncDirectory(root);
    losePower(1, 0);
    assertThat(Files.size(file)).isZero();

    DurableFiles.replace(file, "kept".getBytes(UTF_8));
    losePower(1, 0);
    assertThat(Files.readString(file)).isEqualTo("kept");
  }

  @Seeded(tries = 50)
  void replacesDurablyOrNotAtAll(long seed) throws IOException {
    SplittableRandom random = new SplittableRandom(seed);
    Path file = root.resolve("file");
    byte[] old = "old".repeat(1_000).getBytes(UTF_8);
    byte[] next = "new".repeat(5_000).getBytes(UTF_8);
    DurableFiles.replace(file, old);
    int steps = random.nextInt(8);
    disk.setFaults(new CutAfter(steps));
    assertThatThrownBy(
            () -> {
              DurableFiles.replace(file, next);
              throw new PowerLost("at the end");
            })
        .isInstanceOf(PowerLost.class);
    disk.setFaults(DiskFaults.NONE);
    disk.losePower(random, random.nextInt(101));
    assertThat(Files.readAllBytes(file)).isIn(List.of(old, next));
  }

  private final class CutAfter implements DiskFaults {
    private int left;

    CutAfter(int steps) {
      left = steps;
    }

    @Override
    public void before(Operation operation, Path path) {
      if (left-- == 0) {
        disk.cutPower();
      }
    }
  }

  @Test
  void tearsWritesAtSectors() throws IOException {
    Path file = root.resolve("file");
    DurableFiles.replace(file, new byte[4096]);
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
      byte[] ones = new byte[4096];
      Arrays.fill(ones, (byte) 1);
      channel.write(ByteBuffer.wrap(ones), 0);
    }
    losePower(7, 50);
    byte[] left = Files.readAllBytes(file);
    Set<Byte> seen = new HashSet<>();
    for (int sector = 0; sector < 8; sector++) {
      for (int i = 1; i < 512; i++) {
        assertThat(left[sector * 512 + i]).isEqualTo(left[sector * 512]);
      }
      seen.add(left[sector * 512]);
    }
    assertThat(seen).containsExactlyInAnyOrder((byte) 0, (byte) 1);
  }

  @Test
  void dropsWhatASyncThatFailedWasToWrite() throws IOException {
    Path file = root.resolve("file");
    DurableFiles.replace(file, new byte[100]);
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
      channel.write(ByteBuffer.wrap(new byte[] {7}), 0);
      disk.setFaults((operation, _) -> {
        if (operation == DiskFaults.Operation.SYNC_FILE) {
          throw new IOException("Input/output error");
        }
      });
      assertThatThrownBy(() -> channel.force(false)).isInstanceOf(IOException.class);
      disk.setFaults(DiskFaults.NONE);
      channel.force(false);
    }
    assertThat(Files.readAllBytes(file)[0]).isEqualTo((byte) 7);
    losePower(1, 0);
    assertThat(Files.readAllBytes(file)[0]).isZero();
  }

  @Test
  void undoesRenamesAsAWhole() throws IOException {
    for (int seed = 0; seed < 40; seed++) {
      Path from = Files.createDirectories(root.resolve("from" + seed));
      Path to = Files.createDirectories(root.resolve("to" + seed));
      Files.writeString(from.resolve("file"), "x");
      DurableFiles.syncFile(from.resolve("file"));
      DurableFiles.syncDirectory(from);
      DurableFiles.syncDirectory(root);
      Files.move(from.resolve("file"), to.resolve("file"));
      losePower(seed, 50);
      assertThat(Files.exists(from.resolve("file"))).isNotEqualTo(Files.exists(to.resolve("file")));
    }
  }

  @Test
  void endsEveryOperationOnceThePowerIsCut() throws IOException {
    Path file = root.resolve("file");
    DurableFiles.replace(file, new byte[10]);
    disk.cutPower();
    assertThatThrownBy(() -> Files.readAllBytes(file)).isInstanceOf(PowerLost.class);
    losePower(1, 0);
    assertThat(Files.readAllBytes(file)).hasSize(10);
  }
}
