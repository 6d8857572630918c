package io.coppice.pageserver.tenant;

import io.coppice.common.error.StorageException;
import io.coppice.common.objectstore.ObjectInfo;
import io.coppice.common.objectstore.ObjectStore;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/**
 * A store that is gone from its n-th operation on; that one may be carried out, and only its answer
 * be lost.
 */
final class FailingObjectStore implements ObjectStore {
  private final ObjectStore store;
  private long operationsLeft = Long.MAX_VALUE;
  private boolean lastIsDone;
  private long operations;

  FailingObjectStore(ObjectStore store) {
    this.store = store;
  }

  synchronized void failAfter(long count, boolean isLastDone) {
    operationsLeft = count;
    lastIsDone = isLastDone;
  }

  synchronized void heal() {
    operationsLeft = Long.MAX_VALUE;
  }

  synchronized boolean isGone() {
    return operationsLeft <= 0;
  }

  synchronized long operations() {
    return operations;
  }

  private interface Operation<T> {
    T run() throws StorageException;
  }

  private synchronized <T> T run(Operation<T> operation) throws StorageException {
    operations++;
    operationsLeft--;
    if (operationsLeft < 0) {
      throw new StorageException.Transient("the object store is gone");
    }
    if (operationsLeft == 0 && lastIsDone) {
      operation.run();
    }
    if (operationsLeft == 0) {
      throw new StorageException.Transient("the object store goes");
    }
    return operation.run();
  }

  @Override
  public void put(String name, byte[] contents) throws StorageException {
    run(() -> {
      store.put(name, contents);
      return true;
    });
  }

  @Override
  public boolean putIfAbsent(String name, byte[] contents) throws StorageException {
    return run(() -> store.putIfAbsent(name, contents));
  }

  @Override
  public void putFile(String name, Path file) throws StorageException {
    run(() -> {
      store.putFile(name, file);
      return true;
    });
  }

  @Override
  public Optional<byte[]> get(String name) throws StorageException {
    return run(() -> store.get(name));
  }

  @Override
  public void getToFile(String name, Path file) throws StorageException {
    run(() -> {
      store.getToFile(name, file);
      return true;
    });
  }

  @Override
  public List<ObjectInfo> list(String prefix) throws StorageException {
    return run(() -> store.list(prefix));
  }

  @Override
  public List<String> listDirectories(String prefix) throws StorageException {
    return run(() -> store.listDirectories(prefix));
  }

  @Override
  public Optional<Instant> writtenAt(String name) throws StorageException {
    return run(() -> store.writtenAt(name));
  }

  @Override
  public void delete(String name) throws StorageException {
    run(() -> {
      store.delete(name);
      return true;
    });
  }
}
