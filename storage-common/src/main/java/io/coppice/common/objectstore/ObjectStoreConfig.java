package io.coppice.common.objectstore;

import java.nio.file.Path;

/**
 * Which object store.
 *
 * @param s3 matters only if the URL is a bucket
 */
public record ObjectStoreConfig(ObjectStoreUrl url, S3Access s3) {

  /** A directory of this machine. */
  public static ObjectStoreConfig ofDirectory(Path directory) {
    return new ObjectStoreConfig(new ObjectStoreUrl.Directory(directory), S3Access.DEFAULTS);
  }
}
