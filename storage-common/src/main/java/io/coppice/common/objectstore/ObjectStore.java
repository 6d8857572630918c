package io.coppice.common.objectstore;

import io.coppice.common.error.StorageException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/**
 * A flat space of named immutable objects. Thread safe. All methods block.
 *
 * <p>A put is all or nothing, is durable when it returns, and replaces an object of the same name.
 * When a put fails it may or may not have happened. Whatever fails for a reason that may pass is
 * {@link StorageException.Transient}.
 *
 * <p>A name is one or more segments parted by slashes; a segment is letters, digits and {@code . _
 * -}, does not begin with a dot and does not end in {@code .tmp}. Others are an {@code
 * IllegalArgumentException}.
 */
public interface ObjectStore extends AutoCloseable {

  /** Most bytes that {@link #put} and {@link #get} take; larger objects go through files. */
  int MEMORY_SIZE_BYTES_MAX = 256 << 20;

  /** Stores bytes. */
  void put(String name, byte[] contents) throws StorageException;

  /**
   * Stores bytes unless there is an object of that name.
   *
   * @return whether this call made it
   */
  boolean putIfAbsent(String name, byte[] contents) throws StorageException;

  /** Stores a copy of a file that is not written to any more. */
  void putFile(String name, Path file) throws StorageException;

  /** The bytes; empty if there is no such object. */
  Optional<byte[]> get(String name) throws StorageException;

  /**
   * Copies an object into a new file, which need not be durable.
   *
   * @param file does not exist; is not there afterwards if this fails
   * @throws StorageException.NotFound if there is no such object
   */
  void getToFile(String name, Path file) throws StorageException;

  /** The objects whose names begin so, in order of name. */
  List<ObjectInfo> list(String prefix) throws StorageException;

  /**
   * What follows, up to the next slash, in the names that begin with a prefix and have a slash
   * after it; in order, each once.
   *
   * @param prefix ends in a slash, or is empty
   */
  List<String> listDirectories(String prefix) throws StorageException;

  /**
   * When an object was written, by the store's clock; empty if there is none of that name, or the
   * store does not say.
   */
  default Optional<Instant> writtenAt(String name) throws StorageException {
    return Optional.empty();
  }

  /** Deletes an object; it is no failure if there is none. */
  void delete(String name) throws StorageException;

  /** Lets go of connections. Nothing is under way, and nothing is called afterwards. */
  @Override
  default void close() {}

  /** Refuses what {@link #put} and {@link #get} do not take. */
  static void checkMemorySize(String name, long sizeBytes) {
    if (sizeBytes > MEMORY_SIZE_BYTES_MAX) {
      throw new IllegalArgumentException(
          "object %s of %d bytes must go through a file (limit %d)"
              .formatted(name, sizeBytes, MEMORY_SIZE_BYTES_MAX));
    }
  }
}
