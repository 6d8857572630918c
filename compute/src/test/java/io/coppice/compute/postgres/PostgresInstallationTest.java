package io.coppice.compute.postgres;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.coppice.common.error.StorageException;
import java.io.IOException;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.FutureTask;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class PostgresInstallationTest {
  @TempDir Path directory;

  @Test
  void unpacksTheEmbeddedOneWhenTheMachineHasNone() throws Exception {
    Path cache = directory.resolve("cache");
    PostgresInstallation found =
        PostgresInstallation.find(Optional.empty(), 15, Set.of(directory.resolve("none")), cache);

    assertThat(found.embedded()).isTrue();
    assertThat(found.major()).isEqualTo(15);
    assertThat(found.version()).startsWith("15.");
    assertThat(found.bin()).startsWith(cache);
    assertThat(found.initdb()).isExecutable();
    Path home = found.bin().resolve("..").normalize();
    assertThat(home.resolve("lib/libpq.so.5")).isSymbolicLink().exists();
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(home)))
        .isEqualTo("rwxr-xr-x");

    FileTime unpackedAt = Files.getLastModifiedTime(home);
    PostgresInstallation.find(Optional.empty(), 15, Set.of(), cache);
    assertThat(Files.getLastModifiedTime(home)).isEqualTo(unpackedAt);
  }

  @Test
  void unpacksOnceForManyAtATime() throws Exception {
    Path cache = Files.createDirectories(directory.resolve("cache"));
    Files.createDirectories(cache.resolve("unpacking-left-by-a-crash/bin"));
    URL jar = EmbeddedBinaries.jar(15).orElseThrow();
    List<FutureTask<Path>> tasks = new ArrayList<>();
    for (int i = 0; i < 4; i++) {
      FutureTask<Path> task = new FutureTask<>(() -> EmbeddedBinaries.unpack(jar, cache));
      tasks.add(task);
      Thread.startVirtualThread(task);
    }
    for (FutureTask<Path> task : tasks) {
      assertThat(task.get().resolve("postgres")).isExecutable();
    }
    try (Stream<Path> entries = Files.list(cache)) {
      assertThat(entries.map(entry -> entry.getFileName().toString().replaceAll("-.*", "")))
          .containsExactlyInAnyOrder("lock", "postgres");
    }
  }

  @Test
  void takesOnlyTheDirectoryThatWasNamed() throws IOException {
    Path wrong = fakeInstallation("wrong", "postgres (PostgreSQL) 14.2");
    assertThatThrownBy(() ->
            PostgresInstallation.find(Optional.of(wrong), 15, Set.of(), directory.resolve("cache")))
        .isInstanceOf(StorageException.Precondition.class)
        .hasMessageContaining("found no PostgreSQL 15")
        .hasMessageContaining(wrong + ": is 14.2")
        .hasMessageContaining("--pg-bin");
    assertThat(directory.resolve("cache")).doesNotExist();
  }

  @Test
  void bringsEveryMajor() {
    for (int major = 14; major <= 18; major++) {
      assertThat(EmbeddedBinaries.jar(major, "Linux", "amd64")).as("%d", major).isPresent();
    }
    assertThat(EmbeddedBinaries.jar(13, "Linux", "amd64")).isEmpty();
  }

  @Test
  void takesADirectoryAsItIs() throws Exception {
    Path bin = fakeInstallation("some", "postgres (PostgreSQL) 17.2 (Some 17.2-1)");
    assertThat(PostgresInstallation.at(bin).major()).isEqualTo(17);
    assertThatThrownBy(() -> PostgresInstallation.at(directory))
        .isInstanceOf(StorageException.Precondition.class)
        .hasMessageContaining("no postgres");
  }

  @Test
  void passesByWhatIsNotWanted() throws Exception {
    Path empty = Files.createDirectories(directory.resolve("empty"));
    Path broken = fakeInstallation("broken", "what?");
    Path good = fakeInstallation("good", "postgres (PostgreSQL) 15.99 (Some 15.99-1)");
    PostgresInstallation found =
        PostgresInstallation.find(
            Optional.empty(),
            15,
            new java.util.LinkedHashSet<>(List.of(empty, broken, good)),
            directory.resolve("cache"));
    assertThat(found.bin()).isEqualTo(good);
    assertThat(found.version()).isEqualTo("15.99");
  }

  @Test
  void knowsWhereTheCacheMayBe() {
    assertThat(CacheDirectory.locate(Map.of(), true, "/root"))
        .isEqualTo(Path.of("/var/cache/coppice"));
    assertThat(CacheDirectory.locate(Map.of(), false, "/users/a"))
        .isEqualTo(Path.of("/users/a/.cache/coppice"));
    assertThat(CacheDirectory.locate(Map.of("XDG_CACHE_HOME", "/x"), false, "/users/a"))
        .isEqualTo(Path.of("/x/coppice"));
    assertThat(CacheDirectory.locate(Map.of("COPPICE_CACHE_DIR", "/y"), true, "/root"))
        .isEqualTo(Path.of("/y"));
    assertThat(EmbeddedBinaries.jar(15, "Linux", "riscv64")).isEmpty();
  }

  private Path fakeInstallation(String name, String version) throws IOException {
    Path bin = Files.createDirectories(directory.resolve(name));
    for (String program : List.of("postgres", "initdb")) {
      Path file = Files.writeString(bin.resolve(program), "#!/bin/sh\necho '" + version + "'\n");
      assertThat(file.toFile().setExecutable(true)).isTrue();
    }
    return bin;
  }
}
