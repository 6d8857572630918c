package io.coppice.common.objectstore.s3;

import io.coppice.common.error.StorageException;
import io.coppice.common.objectstore.ObjectInfo;
import io.coppice.common.objectstore.ObjectNames;
import io.coppice.common.objectstore.ObjectStore;
import io.coppice.common.objectstore.ObjectStoreUrl;
import io.coppice.common.objectstore.S3Access;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.function.IntConsumer;
import java.util.random.RandomGenerator;
import software.amazon.awssdk.services.s3.model.HeadObjectResponse;

/**
 * Objects in a bucket of an S3 server, below a prefix. Several processes may share one.
 *
 * <p>Each object has the CRC32C of its content in its metadata, which is checked whenever it is
 * read, and {@code Content-MD5} has the server check what it gets. Names of S3 objects that could
 * not be names here are not seen; {@code .coppice/} has the objects of {@link S3Probe}.
 */
public final class S3ObjectStore implements ObjectStore {
  private final S3Objects objects;

  private S3ObjectStore(S3Objects objects) {
    this.objects = objects;
  }

  /**
   * Opens the store, and tries whether the server does what Coppice relies on.
   *
   * @param random of two processes it must not give the same
   * @throws StorageException.Precondition if there are no keys or they are not accepted, there is
   *     no such bucket, or the server ignores conditions of writes or drops metadata
   */
  public static S3ObjectStore open(
      ObjectStoreUrl.Bucket bucket, S3Access access, RandomGenerator random)
      throws StorageException {
    return open(bucket, access, random, _ -> {});
  }

  /**
   * As {@link #open(ObjectStoreUrl.Bucket, S3Access, RandomGenerator)}.
   *
   * @param onRetries told how often a call was tried again, if it was
   */
  public static S3ObjectStore open(
      ObjectStoreUrl.Bucket bucket, S3Access access, RandomGenerator random, IntConsumer onRetries)
      throws StorageException {
    S3Objects objects = S3Objects.open(bucket, access, random, onRetries);
    try {
      new S3Probe(objects, access).require();
    } catch (StorageException | RuntimeException e) {
      objects.close();
      throw e;
    }
    return new S3ObjectStore(objects);
  }

  @Override
  public void put(String name, byte[] contents) throws StorageException {
    ObjectNames.checkName(name);
    ObjectStore.checkMemorySize(name, contents.length);
    objects.put(name, Content.of(contents));
  }

  @Override
  public boolean putIfAbsent(String name, byte[] contents) throws StorageException {
    ObjectNames.checkName(name);
    ObjectStore.checkMemorySize(name, contents.length);
    return objects.putIfAbsent(name, Content.of(contents));
  }

  @Override
  public void putFile(String name, Path file) throws StorageException {
    ObjectNames.checkName(name);
    Content content;
    try {
      content = Content.of(file);
    } catch (IOException e) {
      throw new StorageException.Transient(
          "writing object %s: cannot read %s: %s".formatted(name, file, e), e);
    }
    objects.put(name, content);
  }

  @Override
  public Optional<byte[]> get(String name) throws StorageException {
    ObjectNames.checkName(name);
    try {
      return Optional.of(objects.get(name));
    } catch (StorageException.NotFound _) {
      return Optional.empty();
    }
  }

  @Override
  public void getToFile(String name, Path file) throws StorageException {
    ObjectNames.checkName(name);
    objects.getToFile(name, file);
  }

  @Override
  public List<ObjectInfo> list(String prefix) throws StorageException {
    ObjectNames.checkPrefix(prefix);
    return objects.list(prefix).stream()
        .filter(object -> ObjectNames.isName(object.name()))
        .sorted(Comparator.comparing(ObjectInfo::name))
        .toList();
  }

  @Override
  public List<String> listDirectories(String prefix) throws StorageException {
    ObjectNames.checkDirectory(prefix);
    return objects.listDirectories(prefix).stream()
        .map(found -> found.substring(prefix.length(), found.length() - 1))
        .filter(ObjectNames::isName)
        .sorted()
        .toList();
  }

  @Override
  public Optional<Instant> writtenAt(String name) throws StorageException {
    ObjectNames.checkName(name);
    return objects.head(name).map(HeadObjectResponse::lastModified);
  }

  @Override
  public void delete(String name) throws StorageException {
    ObjectNames.checkName(name);
    objects.delete(name);
  }

  @Override
  public void close() {
    objects.close();
  }
}
