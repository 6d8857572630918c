package io.coppice.compute.postgres;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assumptions.assumeThat;

import com.sun.security.auth.module.UnixSystem;
import io.coppice.common.error.StorageException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class RunAsTest {
  private static final long TIMEOUT_MILLIS = 10_000;

  @TempDir Path directory;

  @Test
  void neverRunsAsRoot() throws Exception {
    RunAs user = RunAs.resolve(Optional.empty());
    assertThat(Commands.run(user.command(List.of("id", "-u")), TIMEOUT_MILLIS).output())
        .isNotEqualTo("0");
    assertThat(Commands.run(user.serverCommand(List.of("id", "-u")), TIMEOUT_MILLIS).output())
        .isNotEqualTo("0");
    assertThat(Commands.run(user.command(List.of("id", "-un")), TIMEOUT_MILLIS).output())
        .isEqualTo(user.toString());
  }

  @Test
  void passesArgumentsOnUnchanged() throws Exception {
    RunAs user = RunAs.resolve(Optional.empty());
    Commands.Result result =
        Commands.run(
            user.command(List.of("printf", "[%s]", "a b", "$x", "-c", "")), TIMEOUT_MILLIS);
    assertThat(result.output()).isEqualTo("[a b][$x][-c][]");
  }

  @Test
  void refusesUsersThatAreNotThereOrRoot() {
    assertThatThrownBy(() -> RunAs.resolve(Optional.of("no-such-user")))
        .isInstanceOf(StorageException.Precondition.class)
        .hasMessageContaining("no-such-user");
    assumeRoot();
    assertThatThrownBy(() -> RunAs.resolve(Optional.of("root")))
        .isInstanceOf(StorageException.Precondition.class)
        .hasMessageContaining("unprivileged");
  }

  @Test
  void handsOverWholeTrees() throws Exception {
    assumeRoot();
    RunAs user = RunAs.resolve(Optional.of("nobody"));
    Path parent = Files.createDirectories(directory.resolve("a/b"));
    Path file = parent.resolve("file");
    Files.writeString(file, "x");
    user.own(directory.resolve("a"));
    assertThat(Files.getOwner(file).getName()).isEqualTo("nobody");
    assertThat(Files.getOwner(parent).getName()).isEqualTo("nobody");
    assertThat(Files.getOwner(directory).getName()).isEqualTo("root");
  }

  @Test
  void seesWhatItsUserCannotReach() throws Exception {
    assumeRoot();
    RunAs user = RunAs.resolve(Optional.empty());
    Path open = Files.createDirectories(directory.resolve("closed/open"));
    TestPostgres.open(directory);
    assertThat(user.canEnter(open)).isTrue();
    close(directory.resolve("closed"));
    assertThat(user.canEnter(open)).isFalse();
    assertThatThrownBy(() -> user.requireEntry(open, "the data"))
        .isInstanceOf(StorageException.Precondition.class)
        .hasMessageContaining(open.toString())
        .hasMessageContaining(user.toString());

    Path elsewhere = ReachableDirectory.create(user, open.resolve("deeper"), "test-fallback");
    assertThat(user.canEnter(elsewhere)).isTrue();
    Files.delete(elsewhere);
  }

  private static void close(Path path) throws IOException {
    Files.setPosixFilePermissions(path, PosixFilePermissions.fromString("rwx------"));
  }

  private static void assumeRoot() {
    assumeThat(new UnixSystem().getUid()).as("needs root").isZero();
  }
}
