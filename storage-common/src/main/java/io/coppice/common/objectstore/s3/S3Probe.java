package io.coppice.common.objectstore.s3;

import io.coppice.common.error.StorageException;
import io.coppice.common.objectstore.S3Access;
import java.nio.charset.StandardCharsets;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tries whether an S3 server does what Coppice relies on, with an object of its own that it deletes
 * again.
 */
final class S3Probe {
  private static final Logger log = LoggerFactory.getLogger(S3Probe.class);

  private final S3Objects objects;
  private final S3Access access;
  private final String name;

  S3Probe(S3Objects objects, S3Access access) {
    this.objects = objects;
    this.access = access;
    // No name that an object of the store can have.
    this.name = ".coppice/probe-" + objects.unique();
  }

  /** Refuses a server that would let two writers take the same name, or that drops checksums. */
  void require() throws StorageException {
    try {
      if (!writesIfAbsent("first") || writesIfAbsent("second")) {
        throw lacks(
            "ignores the condition If-None-Match of writes, by which two page servers are kept"
                + " apart");
      }
      if (!keepsContent("first")) {
        throw lacks("gives back other bytes than were written");
      }
    } finally {
      deleteQuietly();
    }
  }

  /** Of the object that is tried with. */
  String name() {
    return name;
  }

  boolean writesIfAbsent(String text) throws StorageException {
    return objects.putIfAbsent(name, Content.of(text.getBytes(StandardCharsets.UTF_8)));
  }

  boolean keepsContent(String text) throws StorageException {
    return new String(objects.get(name), StandardCharsets.UTF_8).equals(text);
  }

  StorageException lacks(String what) {
    return new StorageException.Precondition(
        "the server at %s %s: it cannot be used for %s (`coppice doctor s3` says what it can do)"
            .formatted(access.server(), what, objects.bucket()));
  }

  private void deleteQuietly() {
    try {
      objects.delete(name);
    } catch (StorageException e) {
      log.warn("could not delete {} again: {}", name, e.getMessage());
    }
  }
}
