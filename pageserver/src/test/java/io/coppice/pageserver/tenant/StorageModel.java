package io.coppice.pageserver.tenant;

import static org.assertj.core.api.Assertions.assertThat;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Fork;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.TimelineId;
import io.coppice.common.key.Key;
import io.coppice.pageserver.timeline.ImageImport;
import io.coppice.pageserver.timeline.Timeline;
import io.coppice.postgres.wal.WalLayout;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableSet;
import java.util.Optional;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;
import org.jspecify.annotations.Nullable;

/** A random history of a store, told to maps in memory as well, whose answers must be the same. */
final class StorageModel implements AutoCloseable {
  private static final int STEPS = 120;
  private static final int KEYS = 40;
  private static final int BRANCHES_MAX = 12;

  /** What a branch holds, as far as it is its own. */
  private static final class Model {
    final String name;
    final TimelineId id;
    final @Nullable Model parent;
    final Lsn start;
    final TreeMap<Key, TreeMap<Lsn, String>> values = new TreeMap<>();
    Lsn last;
    Lsn durable;

    Model(String name, TimelineId id, @Nullable Model parent, Lsn start) {
      this.name = name;
      this.id = id;
      this.parent = parent;
      this.start = start;
      this.last = start;
      this.durable = start;
    }

    Optional<String> read(Key key, Lsn lsn) {
      TreeMap<Lsn, String> versions = values.getOrDefault(key, new TreeMap<>());
      Map.Entry<Lsn, String> found = versions.floorEntry(lsn);
      if (found != null) {
        return found.getValue().isEmpty() ? Optional.empty() : Optional.of(found.getValue());
      }
      return parent == null ? Optional.empty() : parent.read(key, Lsn.min(lsn, start));
    }

    void put(Key key, Lsn lsn, String value) {
      values.computeIfAbsent(key, _ -> new TreeMap<>()).put(lsn, value);
    }

    NavigableSet<Key> keys() {
      NavigableSet<Key> all = parent == null ? new TreeSet<>() : parent.keys();
      all.addAll(values.keySet());
      return all;
    }

    /** A crash: what was not durable comes again from WAL, as the same or as nothing. */
    void forgetAfter(Lsn lsn) {
      values.values().forEach(versions -> versions.tailMap(lsn, false).clear());
      last = lsn;
    }
  }

  private final Map<String, Model> models = new HashMap<>();
  private final List<String> happened = new ArrayList<>();
  private final RandomGenerator random;
  private final Store store;
  private long branches;

  StorageModel(long seed, Path directory) throws StorageException {
    random = RandomGeneratorFactory.of("L64X128MixRandom").create(seed);
    store = new Store(directory);
  }

  void run() throws Exception {
    try {
      importRoot();
      for (int i = 0; i < STEPS; i++) {
        step();
        checkSome();
      }
      checkAll();
      store.restart();
      checkAll();
    } catch (AssertionError | StorageException e) {
      throw new AssertionError("after " + happened, e);
    }
  }

  @Override
  public void close() {
    store.close();
  }

  private void importRoot() throws StorageException {
    Model root = new Model("main", Store.ROOT, null, Store.START);
    try (ImageImport running = store.manager.importRoot(Store.rootImport())) {
      for (int i = 0; i < KEYS; i += 1 + random.nextInt(3)) {
        String value = text();
        byte[] bytes = Store.value(value);
        running.put(key(i), bytes, 0, bytes.length);
        root.put(key(i), Store.START, value);
      }
      running.finish();
    }
    models.put("main", root);
  }

  private static Lsn branchPoint(Lsn lsn) {
    return NewTimelines.recordBoundary(lsn, Store.rootImport().walSegmentSizeBytes());
  }

  /** Records do not end within a page's header. */
  private static Lsn recordEnd(Lsn lsn) {
    return branchPoint(lsn).equals(lsn) ? lsn : lsn.plus(WalLayout.LONG_PAGE_HEADER_BYTES);
  }

  private void step() throws StorageException, InterruptedException, IOException {
    Model model = anyModel();
    Timeline timeline = store.manager.branch(Store.TENANT, model.name);
    int choice = random.nextInt(100);
    if (choice < 70) {
      write(model, timeline);
    } else if (choice < 80) {
      happened.add("flush " + model.name);
      timeline.flush(10_000);
      assertThat(timeline.diskConsistentLsn()).isEqualTo(model.last);
      model.durable = model.last;
    } else if (choice < 88) {
      branch(model, timeline);
    } else if (choice < 91) {
      delete(model);
    } else if (choice < 94) {
      happened.add("restart");
      store.restart();
      models.values().forEach(m -> m.durable = m.last);
    } else if (choice < 97) {
      crash();
    } else {
      happened.add("restart without local layers");
      store.restart();
      models.values().forEach(m -> m.durable = m.last);
      store.deleteLayersDirectory();
    }
  }

  private void write(Model model, Timeline timeline) throws StorageException {
    int records = 1 + random.nextInt(60);
    happened.add("write " + records + " to " + model.name);
    for (int i = 0; i < records; i++) {
      Lsn lsn = recordEnd(model.last.plus(8L * (1 + random.nextInt(20))));
      if (random.nextInt(10) == 0) {
        Store.put(timeline, key(random.nextInt(KEYS)), lsn, "discarded");
        timeline.writer().discardRecord();
      }
      int values = random.nextInt(4);
      TreeSet<Key> done = new TreeSet<>();
      for (int j = 0; j < values; j++) {
        Key key = key(random.nextInt(KEYS));
        if (done.add(key)) {
          String value = key.isSparse() && random.nextInt(4) == 0 ? "" : text();
          Store.put(timeline, key, lsn, value);
          model.put(key, lsn, value);
          assertThat(
                  timeline.writer().getLatest(key).map(b -> new String(b, StandardCharsets.UTF_8)))
              .isEqualTo(Optional.of(value).filter(v -> !v.isEmpty()));
        }
      }
      timeline.writer().finishRecord(model.last, lsn);
      model.last = lsn;
    }
  }

  private void branch(Model model, Timeline timeline)
      throws StorageException, InterruptedException {
    if (models.size() >= BRANCHES_MAX) {
      return;
    }
    String name = "branch-" + ++branches;
    long distance = model.last.minus(model.start);
    Lsn at = branchPoint(model.start.plus(random.nextLong(distance + 1)));
    happened.add("branch " + name + " off " + model.name + " at " + at);
    Model child = new Model(name, new TimelineId(3, branches), model, at);
    store.branch(name, child.id, timeline, at);
    models.put(name, child);
  }

  private void delete(Model model) throws StorageException {
    boolean isLeaf = models.values().stream().noneMatch(m -> m.parent == model);
    if (isLeaf && model.parent != null) {
      happened.add("delete " + model.name);
      store.manager.deleteBranch(store.manager.branch(Store.TENANT, model.name).id());
      models.remove(model.name);
    }
  }

  private void crash() throws StorageException {
    happened.add("crash");
    store.crash();
    for (Model model : models.values()) {
      Lsn durable = store.manager.branch(Store.TENANT, model.name).lastRecordLsn();
      assertThat(durable).isBetween(model.durable, model.last);
      model.forgetAfter(durable);
      model.durable = durable;
    }
    // WAL comes again, up to where branches were made; here it says nothing.
    for (Model model : models.values()) {
      Lsn needed =
          models.values().stream()
              .filter(m -> m.parent == model)
              .map(m -> m.start)
              .max(Comparator.naturalOrder())
              .orElse(model.last);
      if (needed.isAfter(model.last)) {
        Timeline timeline = store.manager.branch(Store.TENANT, model.name);
        timeline.writer().finishRecord(model.last, needed);
        model.last = needed;
      }
    }
  }

  private void checkSome() throws StorageException {
    Model model = anyModel();
    Timeline timeline = store.manager.branch(Store.TENANT, model.name);
    Lsn lsn = readable(model);
    for (int i = 0; i < 10; i++) {
      checkKey(model, timeline, key(random.nextInt(KEYS)), lsn);
    }
    checkScan(model, timeline, lsn);
  }

  private void checkAll() throws StorageException {
    for (Model model : models.values()) {
      Timeline timeline = store.manager.branch(Store.TENANT, model.name);
      assertThat(timeline.lastRecordLsn()).isEqualTo(model.last);
      for (Lsn lsn : List.of(model.last, model.start, readable(model), readable(model))) {
        for (int i = 0; i < KEYS; i++) {
          checkKey(model, timeline, key(i), lsn);
        }
        checkScan(model, timeline, lsn);
      }
    }
  }

  private Lsn readable(Model model) {
    return Store.START.plus(random.nextLong(model.last.minus(Store.START) + 1));
  }

  private void checkKey(Model model, Timeline timeline, Key key, Lsn lsn) throws StorageException {
    assertThat(Store.read(timeline, key, lsn))
        .as("key %s of %s at %s", key, model.name, lsn)
        .isEqualTo(model.read(key, lsn));
  }

  private void checkScan(Model model, Timeline timeline, Lsn lsn) throws StorageException {
    Key from = key(KEYS / 2 + random.nextInt(KEYS / 2));
    Key to = key(KEYS);
    Map<Key, String> expected = new TreeMap<>();
    for (Key key : model.keys().subSet(from, to)) {
      model.read(key, lsn).ifPresent(value -> expected.put(key, value));
    }
    List<Key> order = new ArrayList<>();
    Map<Key, String> found = new TreeMap<>();
    timeline.scan(
        from,
        to,
        lsn,
        (key, value) -> {
          order.add(key);
          found.put(key, new String(value, StandardCharsets.UTF_8));
          return true;
        });
    assertThat(found).as("scan of %s at %s", model.name, lsn).isEqualTo(expected);
    assertThat(order).isSorted();
  }

  private Model anyModel() {
    List<Model> all = new ArrayList<>(models.values());
    all.sort(Comparator.comparing(m -> m.name));
    return all.get(random.nextInt(all.size()));
  }

  /** The lower half are blocks of relations, the upper half sparse. */
  private static Key key(int number) {
    return number < KEYS / 2
        ? Key.relationBlock(Store.TABLE.withFork(fork(number)), number)
        : new Key(0x65, 1663, 5, number, 0, 1);
  }

  private static Fork fork(int number) {
    return number < KEYS / 4 ? Fork.MAIN : Fork.VM;
  }

  private String text() {
    String text = "value " + random.nextInt(1 << 20) + " ";
    return text.repeat(1 + (random.nextInt(8) == 0 ? random.nextInt(900) : random.nextInt(4)));
  }
}
