package io.coppice.common.objectstore;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DirectoryNamesTest {
  @TempDir Path root;
  private final List<Path> synced = new ArrayList<>();
  private boolean isBroken;

  private DirectoryNames names() {
    return new DirectoryNames(
        root,
        directory -> {
          if (isBroken) {
            throw new IOException("planned");
          }
          synced.add(directory);
        });
  }

  @Test
  void syncsEveryDirectoryThatGainedAnEntry() throws Exception {
    DirectoryNames names = names();
    names.make(root.resolve("a/b"));
    assertThat(synced).isEmpty();
    names.sync(root.resolve("a/b"));
    assertThat(synced).containsExactly(root.resolve("a/b"), root.resolve("a"), root);
  }

  @Test
  void syncsNamesOnce() throws Exception {
    DirectoryNames names = names();
    names.make(root.resolve("a/b"));
    names.sync(root.resolve("a/b"));
    synced.clear();
    names.make(root.resolve("a/b"));
    names.sync(root.resolve("a/b"));
    assertThat(synced).containsExactly(root.resolve("a/b"));
  }

  @Test
  void syncsNamesThatAnotherThreadHasMadeAndNotYetSynced() throws Exception {
    DirectoryNames names = names();
    names.make(root.resolve("a/b"));
    names.make(root.resolve("a/c"));
    names.sync(root.resolve("a/c"));
    assertThat(synced).containsExactly(root.resolve("a/c"), root.resolve("a"), root);
  }

  @Test
  void syncsAgainWhatCouldNotBeSynced() throws Exception {
    DirectoryNames names = names();
    names.make(root.resolve("a"));
    isBroken = true;
    assertThatThrownBy(() -> names.sync(root.resolve("a"))).isInstanceOf(IOException.class);
    isBroken = false;
    names.make(root.resolve("a"));
    names.sync(root.resolve("a"));
    assertThat(synced).containsExactly(root.resolve("a"), root);
  }

  @Test
  void makesNoDirectoryInThePlaceOfAFile() throws Exception {
    DirectoryNames names = names();
    Files.createFile(root.resolve("a"));
    assertThatThrownBy(() -> names.make(root.resolve("a/b")))
        .isInstanceOf(FileAlreadyExistsException.class);
  }
}
