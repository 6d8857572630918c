package io.coppice.common.objectstore;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.coppice.common.error.StorageException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What every object store does. */
public interface ObjectStoreContract {
  /** An empty store, which may use the directory. */
  ObjectStore open(Path directory) throws Exception;

  @Test
  default void returnsWhatWasPut(@TempDir Path directory) throws Exception {
    ObjectStore store = open(directory);
    store.put("a/b/c-1.json", bytes("one"));
    assertThat(store.get("a/b/c-1.json")).hasValue(bytes("one"));
    store.put("a/b/empty", new byte[0]);
    assertThat(store.get("a/b/empty")).hasValue(new byte[0]);
  }

  @Test
  default void replacesOnASecondPut(@TempDir Path directory) throws Exception {
    ObjectStore store = open(directory);
    store.put("x", bytes("a longer first value"));
    store.put("x", bytes("second"));
    assertThat(store.get("x")).hasValue(bytes("second"));
  }

  @Test
  default void hasNothingUnderANameNeverPut(@TempDir Path directory) throws Exception {
    ObjectStore store = open(directory);
    assertThat(store.get("a/b")).isEmpty();
    assertThatThrownBy(() -> store.getToFile("a/b", directory.resolve("copy")))
        .isInstanceOf(StorageException.NotFound.class)
        .hasMessageContaining("a/b");
    assertThat(directory.resolve("copy")).doesNotExist();
    assertThat(store.list("a/")).isEmpty();
    assertThat(store.listDirectories("a/")).isEmpty();
  }

  @Test
  default void putsOnlyWhereNothingIs(@TempDir Path directory) throws Exception {
    ObjectStore store = open(directory);
    assertThat(store.putIfAbsent("generations/1", bytes("first"))).isTrue();
    assertThat(store.putIfAbsent("generations/1", bytes("second"))).isFalse();
    assertThat(store.get("generations/1")).hasValue(bytes("first"));
  }

  @Test
  default void givesAnAbsentNameToOneOfManyAtOnce(@TempDir Path directory) throws Exception {
    ObjectStore store = open(directory);
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<Boolean>> tries =
          IntStream.range(0, 16)
              .mapToObj(i -> threads.submit(() -> store.putIfAbsent("one", bytes("of " + i))))
              .toList();
      int made = 0;
      for (Future<Boolean> each : tries) {
        made += each.get() ? 1 : 0;
      }
      assertThat(made).isEqualTo(1);
    }
  }

  @Test
  default void takesAndGivesFiles(@TempDir Path directory) throws Exception {
    ObjectStore store = open(directory);
    Path file = Files.write(directory.resolve("file"), bytes("in a file"));
    store.putFile("layers/file", file);
    // The same once more, as after a lost reply.
    store.putFile("layers/file", file);
    Files.delete(file);
    store.getToFile("layers/file", directory.resolve("copy"));
    assertThat(directory.resolve("copy")).hasContent("in a file");
    assertThat(store.get("layers/file")).hasValue(bytes("in a file"));
    assertThat(store.list("")).containsExactly(new ObjectInfo("layers/file", "in a file".length()));
  }

  @Test
  default void listsByPrefixInOrder(@TempDir Path directory) throws Exception {
    ObjectStore store = open(directory);
    for (String name : List.of("t/b/index-2", "t/b/index-1", "t/b/layer", "t/a/index-9", "u/c")) {
      store.put(name, bytes(name));
    }
    assertThat(store.list("t/b/index-"))
        .containsExactly(new ObjectInfo("t/b/index-1", 11), new ObjectInfo("t/b/index-2", 11));
    assertThat(store.list("t/"))
        .extracting(ObjectInfo::name)
        .containsExactly("t/a/index-9", "t/b/index-1", "t/b/index-2", "t/b/layer");
    assertThat(store.listDirectories("t/")).containsExactly("a", "b");
    assertThat(store.listDirectories("")).containsExactly("t", "u");
  }

  @Test
  default void forgetsWhatIsDeleted(@TempDir Path directory) throws Exception {
    ObjectStore store = open(directory);
    store.put("t/a/x", bytes("x"));
    store.delete("t/a/x");
    store.delete("t/a/x");
    store.delete("never/was");
    assertThat(store.get("t/a/x")).isEmpty();
    assertThat(store.list("t/")).isEmpty();
    assertThat(store.listDirectories("t/")).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "/",
        "/a",
        "a/",
        "a//b",
        "..",
        "a/../b",
        ".x",
        "a b",
        "x.tmp",
        "a\u0000b",
        "ä"
      })
  default void refusesNamesThatAreNoPaths(String name, @TempDir Path directory) throws Exception {
    ObjectStore store = open(directory);
    assertThatThrownBy(() -> store.put(name, new byte[0]))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("not an object name");
    assertThatThrownBy(() -> store.get(name)).isInstanceOf(IllegalArgumentException.class);
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }
}
