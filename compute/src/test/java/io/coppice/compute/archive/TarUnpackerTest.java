package io.coppice.compute.archive;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Arrays;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveOutputStream;
import org.apache.commons.compress.archivers.tar.TarConstants;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class TarUnpackerTest {
  @TempDir Path directory;

  @Test
  void givesBackWhatWasPacked() throws IOException {
    Path source = Files.createDirectories(directory.resolve("source"));
    Files.createDirectories(source.resolve("base/1"));
    Files.createDirectories(source.resolve("pg_notify"));
    byte[] page = new byte[20_000];
    Arrays.fill(page, (byte) 7);
    Files.write(source.resolve("base/1/1259"), page);
    Files.writeString(source.resolve("PG_VERSION"), "15\n");
    String longName = "x".repeat(180);
    Files.writeString(source.resolve("base").resolve(longName), "long");
    ByteArrayOutputStream tar = new ByteArrayOutputStream();
    TarPacker.pack(source, tar);

    Path target = Files.createDirectories(directory.resolve("target"));
    var unpacked = TarUnpacker.unpackData(new ByteArrayInputStream(tar.toByteArray()), target);

    assertThat(unpacked.files()).isEqualTo(3);
    assertThat(target.resolve("base/1/1259")).hasBinaryContent(page);
    assertThat(target.resolve("PG_VERSION")).hasContent("15\n");
    assertThat(target.resolve("base").resolve(longName)).hasContent("long");
    assertThat(target.resolve("pg_notify")).isEmptyDirectory();
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(target.resolve("base"))))
        .isEqualTo("rwx------");
    assertThat(
            PosixFilePermissions.toString(
                Files.getPosixFilePermissions(target.resolve("PG_VERSION"))))
        .isEqualTo("rw-------");
  }

  @ParameterizedTest
  @ValueSource(strings = {"/etc/x", "../x", "base/../../x", "./../x", ".."})
  void refusesNamesThatLeaveTheTarget(String name) throws IOException {
    Path target = Files.createDirectories(directory.resolve("a/target"));
    assertThatThrownBy(() -> TarUnpacker.unpackData(tarOf(file(name, "evil")), target))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("would leave its directory");
    assertThat(directory.resolve("a/x")).doesNotExist();
    assertThat(target).isEmptyDirectory();
  }

  @Test
  void refusesLinksAndDevicesInData() {
    for (byte kind :
        new byte[] {
          TarConstants.LF_SYMLINK, TarConstants.LF_LINK, TarConstants.LF_CHR, TarConstants.LF_FIFO
        }) {
      TarArchiveEntry entry = new TarArchiveEntry("link", kind);
      entry.setLinkName("PG_VERSION");
      assertThatThrownBy(() -> TarUnpacker.unpackData(tarOf(new Item(entry, "")), directory))
          .isInstanceOf(IOException.class)
          .hasMessageContaining("refused");
    }
  }

  @Test
  void refusesAFileThatIsThereAlready() {
    assertThatThrownBy(
            () -> TarUnpacker.unpackData(tarOf(file("a", "1"), file("a", "2")), directory))
        .isInstanceOf(IOException.class);
  }

  @Test
  void keepsLinksOfProgramsInside() throws IOException {
    TarArchiveEntry inside = new TarArchiveEntry("lib/libpq.so", TarConstants.LF_SYMLINK);
    inside.setLinkName("libpq.so.5");
    TarArchiveEntry program = new TarArchiveEntry("bin/run");
    program.setMode(0100755);
    TarUnpacker.unpackPrograms(
        tarOf(file("lib/libpq.so.5", "code"), new Item(inside, ""), new Item(program, "#!")),
        directory);
    assertThat(directory.resolve("lib/libpq.so")).isSymbolicLink().hasContent("code");
    assertThat(directory.resolve("bin/run")).isExecutable();

    TarArchiveEntry outside = new TarArchiveEntry("lib/passwd", TarConstants.LF_SYMLINK);
    outside.setLinkName("../../etc/passwd");
    assertThatThrownBy(() -> TarUnpacker.unpackPrograms(tarOf(new Item(outside, "")), directory))
        .hasMessageContaining("would leave");
  }

  @Test
  void tellsOfATarThatEndsWithinAFile() throws IOException {
    byte[] whole = tarOf(file("a", "z".repeat(5_000))).readAllBytes();
    InputStream torn = new ByteArrayInputStream(whole, 0, 2_000);
    assertThatThrownBy(() -> TarUnpacker.unpackData(torn, directory))
        .isInstanceOf(IOException.class);
  }

  @Test
  void readsTheStreamToItsEnd() throws IOException {
    byte[] tar = tarOf(file("a", "1")).readAllBytes();
    byte[] more = Arrays.copyOf(tar, tar.length + 1_000_000);
    ByteArrayInputStream in = new ByteArrayInputStream(more);
    TarUnpacker.unpackData(in, directory);
    assertThat(in.available()).isZero();
  }

  private record Item(TarArchiveEntry entry, String contents) {}

  private static Item file(String name, String contents) {
    return new Item(new TarArchiveEntry(name, true), contents);
  }

  private static InputStream tarOf(Item... items) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (TarArchiveOutputStream tar = new TarArchiveOutputStream(bytes)) {
      for (Item item : items) {
        byte[] contents = item.contents().getBytes(StandardCharsets.UTF_8);
        item.entry().setSize(contents.length);
        tar.putArchiveEntry(item.entry());
        tar.write(contents);
        tar.closeArchiveEntry();
      }
    }
    return new ByteArrayInputStream(bytes.toByteArray());
  }
}
