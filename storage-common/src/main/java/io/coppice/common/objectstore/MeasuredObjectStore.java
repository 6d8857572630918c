package io.coppice.common.objectstore;

import io.coppice.common.error.StorageException;
import io.coppice.common.metrics.Histograms;
import io.micrometer.core.instrument.Clock;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/** Another store, with how long its requests take, how they end, and how much they move. */
final class MeasuredObjectStore implements ObjectStore {
  private enum Operation {
    PUT,
    GET,
    LIST,
    DELETE
  }

  private enum Outcome {
    OK,
    NOT_FOUND,
    TRANSIENT,
    DAMAGED,
    REFUSED
  }

  private final ObjectStore store;
  private final Map<Operation, Timer> timers = new EnumMap<>(Operation.class);
  private final Map<Operation, Map<Outcome, Counter>> counters = new EnumMap<>(Operation.class);
  private final Counter readBytes;
  private final Counter writtenBytes;
  private final Clock clock;

  MeasuredObjectStore(ObjectStore store, MeterRegistry registry) {
    this.store = store;
    this.clock = registry.config().clock();
    for (Operation operation : Operation.values()) {
      timers.put(operation, timer(registry, operation));
      Map<Outcome, Counter> ofOperation = new EnumMap<>(Outcome.class);
      for (Outcome outcome : Outcome.values()) {
        ofOperation.put(outcome, counter(registry, operation, outcome));
      }
      counters.put(operation, ofOperation);
    }
    readBytes = bytes(registry, "read", "Bytes read from the object store.");
    writtenBytes = bytes(registry, "written", "Bytes written to the object store.");
  }

  private static Timer timer(MeterRegistry registry, Operation operation) {
    return Histograms.durations(
        registry,
        "coppice_object_store_request_seconds",
        "How long requests of the object store take, with all their tries.",
        "operation",
        operation.name().toLowerCase(Locale.ROOT));
  }

  private static Counter counter(MeterRegistry registry, Operation operation, Outcome outcome) {
    return Counter.builder("coppice_object_store_requests")
        .description("Requests of the object store, by how they ended.")
        .tag("operation", operation.name().toLowerCase(Locale.ROOT))
        .tag("outcome", outcome.name().toLowerCase(Locale.ROOT))
        .register(registry);
  }

  private static Counter bytes(MeterRegistry registry, String direction, String help) {
    return Counter.builder("coppice_object_store_" + direction + "_bytes")
        .description(help)
        .register(registry);
  }

  /** One request. */
  private interface Request<T> {
    T run() throws StorageException;
  }

  private <T> T measure(Operation operation, Request<T> request) throws StorageException {
    long startNanos = clock.monotonicTime();
    Outcome outcome = Outcome.REFUSED;
    try {
      T result = request.run();
      outcome = Outcome.OK;
      return result;
    } catch (StorageException e) {
      outcome =
          switch (e) {
            case StorageException.Transient _ -> Outcome.TRANSIENT;
            case StorageException.Corrupt _ -> Outcome.DAMAGED;
            case StorageException.NotFound _ -> Outcome.NOT_FOUND;
            case StorageException.Fenced _,
                StorageException.Invalid _,
                StorageException.Conflict _,
                StorageException.Precondition _,
                StorageException.Unsupported _ ->
                Outcome.REFUSED;
          };
      throw e;
    } finally {
      record(operation, outcome, clock.monotonicTime() - startNanos);
    }
  }

  private void record(Operation operation, Outcome outcome, long nanos) {
    Objects.requireNonNull(timers.get(operation)).record(nanos, TimeUnit.NANOSECONDS);
    Objects.requireNonNull(Objects.requireNonNull(counters.get(operation)).get(outcome))
        .increment();
  }

  @Override
  public void put(String name, byte[] contents) throws StorageException {
    measure(
        Operation.PUT,
        () -> {
          store.put(name, contents);
          writtenBytes.increment(contents.length);
          return name;
        });
  }

  @Override
  public boolean putIfAbsent(String name, byte[] contents) throws StorageException {
    return measure(Operation.PUT, () -> store.putIfAbsent(name, contents));
  }

  @Override
  public void putFile(String name, Path file) throws StorageException {
    measure(
        Operation.PUT,
        () -> {
          store.putFile(name, file);
          writtenBytes.increment((double) sizeBytes(file));
          return name;
        });
  }

  @Override
  public Optional<byte[]> get(String name) throws StorageException {
    return measure(
        Operation.GET,
        () -> {
          Optional<byte[]> found = store.get(name);
          found.ifPresent(bytes -> readBytes.increment(bytes.length));
          return found;
        });
  }

  @Override
  public void getToFile(String name, Path file) throws StorageException {
    measure(
        Operation.GET,
        () -> {
          store.getToFile(name, file);
          readBytes.increment((double) sizeBytes(file));
          return name;
        });
  }

  /** For counting only: what cannot be told is not counted. */
  private static long sizeBytes(Path file) {
    try {
      return Files.size(file);
    } catch (IOException _) {
      return 0;
    }
  }

  @Override
  public List<ObjectInfo> list(String prefix) throws StorageException {
    return measure(Operation.LIST, () -> store.list(prefix));
  }

  @Override
  public List<String> listDirectories(String prefix) throws StorageException {
    return measure(Operation.LIST, () -> store.listDirectories(prefix));
  }

  @Override
  public Optional<Instant> writtenAt(String name) throws StorageException {
    return measure(Operation.GET, () -> store.writtenAt(name));
  }

  @Override
  public void delete(String name) throws StorageException {
    measure(
        Operation.DELETE,
        () -> {
          store.delete(name);
          return name;
        });
  }

  @Override
  public void close() {
    store.close();
  }
}
