package io.coppice.common.objectstore.s3;

import static org.assertj.core.api.Assertions.assertThat;

import io.coppice.common.objectstore.ObjectStore;
import io.coppice.common.objectstore.ObjectStoreContract;
import io.coppice.common.platform.Ids;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class S3ObjectStoreTest implements ObjectStoreContract {
  private static final AtomicInteger PREFIXES = new AtomicInteger();
  private static @Nullable S3Server server;

  private final List<ObjectStore> opened = new ArrayList<>();

  @BeforeAll
  static void start() throws Exception {
    server = S3Server.start();
  }

  @AfterAll
  static void stop() {
    server().close();
  }

  private static S3Server server() {
    return Objects.requireNonNull(server);
  }

  @Override
  public ObjectStore open(Path directory) throws Exception {
    Path keys = S3Server.writeCredentials(directory.resolve("credentials"));
    ObjectStore store =
        S3ObjectStore.open(
            S3Server.bucket("test/" + PREFIXES.incrementAndGet()),
            S3Server.access(server().endpoint(), keys),
            Ids.secureRandom());
    opened.add(store);
    return store;
  }

  @AfterEach
  void close() {
    opened.forEach(ObjectStore::close);
  }

  @Test
  void leavesNothingOfItsTrials(@TempDir Path directory) throws Exception {
    open(directory);
    try (var client = server().client()) {
      assertThat(client.listObjectsV2(r -> r.bucket(S3Server.BUCKET).prefix("test/")).contents())
          .noneMatch(object -> object.key().contains(".coppice"));
    }
  }
}
