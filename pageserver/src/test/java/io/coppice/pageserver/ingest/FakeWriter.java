package io.coppice.pageserver.ingest;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.key.Key;
import io.coppice.pageserver.timeline.KeyValueConsumer;
import io.coppice.pageserver.timeline.PageConsumer;
import io.coppice.pageserver.timeline.TimelineWriter;
import io.coppice.postgres.redo.PageRedo;
import io.coppice.postgres.redo.StoredValues;
import io.coppice.postgres.redo.ValueKind;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.TreeMap;

/** A timeline in a map, which refuses all that the contract of the writer forbids. */
final class FakeWriter implements TimelineWriter {
  private final NavigableMap<Key, NavigableMap<Lsn, byte[]>> values = new TreeMap<>();
  private final PageRedo redo;
  private Lsn last;
  private Lsn lastPut;
  private int puts;

  FakeWriter(Lsn start) {
    last = start;
    lastPut = start;
    try {
      redo = PageRedo.ofMajor(15);
    } catch (StorageException e) {
      throw new IllegalStateException(e);
    }
  }

  Lsn lastRecordLsn() {
    return last;
  }

  /** Values put so far. */
  int puts() {
    return puts;
  }

  /** Puts an image at the start. */
  void preset(Key key, byte[] value) {
    byte[] stored = new byte[value.length + 1];
    System.arraycopy(value, 0, stored, 1, value.length);
    values.computeIfAbsent(key, _ -> new TreeMap<>()).put(last, stored);
  }

  @Override
  public void put(Key key, Lsn lsn, byte[] value, int offset, int length) {
    if (lsn.isAtOrBefore(last) || lsn.isBefore(lastPut)) {
      throw new IllegalStateException("put at %s after %s (last %s)".formatted(lsn, lastPut, last));
    }
    lastPut = lsn;
    puts++;
    byte[] before =
        values
            .computeIfAbsent(key, _ -> new TreeMap<>())
            .put(lsn, Arrays.copyOfRange(value, offset, offset + length));
    if (before != null) {
      throw new IllegalStateException("%s has two values at %s".formatted(key, lsn));
    }
  }

  @Override
  public void discardRecord() {
    throw new IllegalStateException("nothing fails half-way here");
  }

  Optional<byte[]> get(Key key, Lsn lsn) throws StorageException {
    NavigableMap<Lsn, byte[]> versions = values.getOrDefault(key, new TreeMap<>());
    List<Map.Entry<Lsn, byte[]>> needed = new ArrayList<>();
    boolean complete = false;
    for (Map.Entry<Lsn, byte[]> version : versions.headMap(lsn, true).descendingMap().entrySet()) {
      needed.addFirst(version);
      complete = StoredValues.isComplete(version.getValue(), 0, version.getValue().length);
      if (complete) {
        break;
      }
    }
    if (needed.isEmpty()) {
      return Optional.empty();
    }
    if (!complete) {
      throw new StorageException.Corrupt("nothing under the records of " + key);
    }
    byte[] first = needed.getFirst().getValue();
    if (needed.size() == 1 && first[0] == ValueKind.IMAGE.code()) {
      return first.length == 1
          ? Optional.empty()
          : Optional.of(Arrays.copyOfRange(first, 1, first.length));
    }
    byte[] page = new byte[8192];
    for (Map.Entry<Lsn, byte[]> version : needed) {
      redo.apply(page, version.getKey(), key, version.getValue(), 0, version.getValue().length);
    }
    return Optional.of(page);
  }

  void readPublished(List<Key> keys, PageConsumer out) throws StorageException {
    for (int i = 0; i < keys.size(); i++) {
      out.accept(i, keys.get(i), get(keys.get(i), last).orElse(null));
    }
  }

  /** The LSNs at which a key has values. */
  List<Lsn> versions(Key key) {
    return List.copyOf(values.getOrDefault(key, new TreeMap<>()).keySet());
  }

  @Override
  public Optional<byte[]> getLatest(Key key) throws StorageException {
    return get(key, Lsn.MAX);
  }

  @Override
  public void scanLatest(Key from, Key toExclusive, KeyValueConsumer out) throws StorageException {
    for (Key key : List.copyOf(values.subMap(from, true, toExclusive, false).keySet())) {
      Optional<byte[]> value = getLatest(key);
      if (value.isPresent() && !out.accept(key, value.get())) {
        return;
      }
    }
  }

  /** The keys of a range that are there. */
  List<Key> keys(Key from, Key toExclusive) throws StorageException {
    List<Key> found = new ArrayList<>();
    scanLatest(from, toExclusive, (key, value) -> found.add(key));
    return found;
  }

  @Override
  public void endRecord(Lsn start, Lsn end) {
    if (end.isAtOrBefore(last)) {
      throw new IllegalStateException("finished %s after %s".formatted(end, last));
    }
    last = end;
  }

  /** What is ended can be read here at once. */
  @Override
  public void publish() {}
}
