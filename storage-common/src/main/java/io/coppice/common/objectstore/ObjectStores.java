package io.coppice.common.objectstore;

import io.coppice.common.error.StorageException;
import io.coppice.common.objectstore.s3.S3ObjectStore;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.MeterRegistry;
import java.util.function.IntConsumer;
import java.util.random.RandomGenerator;

/** The one place where an object store is opened by configuration. */
public final class ObjectStores {
  private ObjectStores() {}

  /**
   * Opens it. The caller closes it.
   *
   * @param random of two processes it must not give the same
   */
  public static ObjectStore open(ObjectStoreConfig config, RandomGenerator random)
      throws StorageException {
    return open(config, random, _ -> {});
  }

  private static ObjectStore open(
      ObjectStoreConfig config, RandomGenerator random, IntConsumer onRetries)
      throws StorageException {
    return switch (config.url()) {
      case ObjectStoreUrl.Directory(var path) -> LocalObjectStore.open(path, random);
      case ObjectStoreUrl.Bucket bucket ->
          S3ObjectStore.open(bucket, config.s3(), random, onRetries);
    };
  }

  /** As {@link #open(ObjectStoreConfig, RandomGenerator)}, and measures all requests. */
  public static ObjectStore open(
      ObjectStoreConfig config, RandomGenerator random, MeterRegistry registry)
      throws StorageException {
    Counter retries =
        Counter.builder("coppice_object_store_retries")
            .description("Tries of requests of the object store after the first.")
            .register(registry);
    return new MeasuredObjectStore(open(config, random, retries::increment), registry);
  }
}
