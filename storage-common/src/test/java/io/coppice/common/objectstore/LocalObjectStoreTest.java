package io.coppice.common.objectstore;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.coppice.common.error.StorageException;
import io.coppice.common.platform.Ids;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LocalObjectStoreTest implements ObjectStoreContract {

  @Override
  public ObjectStore open(Path directory) throws StorageException {
    return LocalObjectStore.open(directory.resolve("objects"), Ids.secureRandom());
  }

  @Test
  void leavesNoTemporaryFiles(@TempDir Path directory) throws Exception {
    ObjectStore store = open(directory);
    Path file = Files.write(directory.resolve("file"), new byte[100]);
    store.putFile("a/file", file);
    store.putFile("a/file", file);
    store.put("a/bytes", new byte[3]);
    store.putIfAbsent("a/bytes", new byte[3]);
    assertThat(directory.resolve("objects/.uploading")).isEmptyDirectory();
  }

  @Test
  void saysWhatCouldNotBeWritten(@TempDir Path directory) throws Exception {
    ObjectStore store = open(directory);
    store.put("a", new byte[1]);
    assertThatThrownBy(() -> store.put("a/b", new byte[1]))
        .isInstanceOf(StorageException.Transient.class)
        .hasMessageContaining("a/b");
    assertThat(directory.resolve("objects/.uploading")).isEmptyDirectory();
  }
}
