package io.coppice.common.objectstore;

import io.coppice.common.error.StorageException;
import io.coppice.common.objectstore.s3.S3ObjectStore;
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
    return switch (config.url()) {
      case ObjectStoreUrl.Directory(var path) -> LocalObjectStore.open(path, random);
      case ObjectStoreUrl.Bucket bucket -> S3ObjectStore.open(bucket, config.s3(), random);
    };
  }
}
