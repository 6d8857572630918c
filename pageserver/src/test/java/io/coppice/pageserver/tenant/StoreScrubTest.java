package io.coppice.pageserver.tenant;

import static org.assertj.core.api.Assertions.assertThat;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.TimelineId;
import io.coppice.common.objectstore.ObjectInfo;
import io.coppice.common.platform.Clock;
import io.coppice.pageserver.remote.LayerObjects;
import io.coppice.pageserver.remote.OrphanRemoval;
import io.coppice.pageserver.remote.ScrubProblem;
import io.coppice.pageserver.remote.ScrubProblem.Kind;
import io.coppice.pageserver.remote.ScrubResult;
import io.coppice.pageserver.remote.StoreScrub;
import io.coppice.pageserver.timeline.Timeline;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What a scrub says of an object store, and what it does with it. */
@Timeout(60)
class StoreScrubTest {
  private static final TimelineId CHILD = new TimelineId(3, 1);
  private static final Lsn LAST = Store.START.plus(8);

  @TempDir Path directory;

  private final List<ScrubProblem> problems = new ArrayList<>();
  private Store store;

  @BeforeEach
  void fill() throws Exception {
    store = new Store(directory);
    Timeline root = store.importEmpty();
    Store.write(root, Store.block(1), LAST, "block 1");
    root.flush(10_000);
    Timeline child = store.branch("child", CHILD, root, LAST);
    Store.write(child, Store.block(2), LAST.plus(8), "block 2");
    child.flush(10_000);
  }

  @AfterEach
  void close() {
    store.close();
  }

  private List<ScrubResult> scrub(boolean repair, Optional<Duration> deleteOlderThan, Clock clock)
      throws Exception {
    problems.clear();
    Path scratch = Files.createDirectories(directory.resolve("scratch"));
    StoreScrub scrub =
        new StoreScrub(
            store.objects,
            new LayerObjects(
                store.objects,
                true,
                scratch,
                repair ? Optional.of(store.layersDirectory()) : Optional.empty()),
            new OrphanRemoval(store.objects, clock, deleteOlderThan),
            problems::add);
    List<ScrubResult> results = scrub.scrub(Store.TENANT);
    assertThat(scratch).isEmptyDirectory();
    return results;
  }

  private List<ScrubResult> scrub() throws Exception {
    return scrub(false, Optional.empty(), Store.CLOCK);
  }

  private String prefix(TimelineId timeline) {
    return "tenants/" + Store.TENANT + "/timelines/" + timeline + "/";
  }

  private String layer(TimelineId timeline) throws StorageException {
    return store.objects.list(prefix(timeline)).stream()
        .map(ObjectInfo::name)
        .filter(name -> !name.contains("index"))
        .filter(name -> name.matches(".*__.*-.*-.*"))
        .findFirst()
        .orElseThrow();
  }

  private String index(TimelineId timeline) throws StorageException {
    return store.objects.list(prefix(timeline) + "index").getLast().name();
  }

  private static Clock later(Duration by) {
    return new Clock() {
      @Override
      public Instant now() {
        return Store.CLOCK.now().plus(by);
      }

      @Override
      public long monotonicNanos() {
        return Store.CLOCK.monotonicNanos();
      }
    };
  }

  @Test
  void findsNothingWrongWhereNothingIs() throws Exception {
    List<ScrubResult> results = scrub();

    assertThat(problems).isEmpty();
    assertThat(results).extracting(ScrubResult::branch).containsExactlyInAnyOrder("main", "child");
    assertThat(results.stream().mapToLong(ScrubResult::layers).sum()).isEqualTo(3);
    assertThat(StoreScrub.tenants(store.objects)).containsEntry(Store.TENANT, "acme");
  }

  @Test
  void namesALayerThatIsMissing() throws Exception {
    String gone = layer(CHILD);
    store.objects.delete(gone);

    assertThat(scrub().stream().mapToLong(ScrubResult::missing).sum()).isEqualTo(1);
    assertThat(problems).hasSize(1);
    assertThat(problems.getFirst().kind()).isEqualTo(Kind.MISSING);
    assertThat(problems.getFirst().object()).isEqualTo(gone);
  }

  @Test
  void namesLayersOfOtherBytesOrAnotherSize() throws Exception {
    String name = layer(CHILD);
    byte[] bytes = store.objects.get(name).orElseThrow();
    for (int at = 0; at < bytes.length; at += 97) {
      byte[] damaged = bytes.clone();
      damaged[at] ^= 4;
      store.objects.put(name, damaged);
      assertThat(scrub().stream().mapToLong(ScrubResult::damaged).sum()).isEqualTo(1);
      assertThat(problems).extracting(ScrubProblem::object).containsExactly(name);
      assertThat(problems.getFirst().problem()).contains("CRC32C");
    }
    store.objects.put(name, Arrays.copyOf(bytes, bytes.length - 1));
    assertThat(scrub().stream().mapToLong(ScrubResult::damaged).sum()).isEqualTo(1);
    assertThat(problems.getFirst().problem()).contains((bytes.length - 1) + " bytes");
  }

  @Test
  void putsBackWhatTheDiskStillHas() throws Exception {
    String name = layer(CHILD);
    byte[] bytes = store.objects.get(name).orElseThrow();
    store.objects.delete(name);
    assertThat(scrub(true, Optional.empty(), Store.CLOCK)).anyMatch(r -> r.repaired() == 1);
    assertThat(problems).allMatch(ScrubProblem::repaired);
    assertThat(store.objects.get(name)).hasValue(bytes);

    byte[] damaged = bytes.clone();
    damaged[bytes.length / 2] ^= 1;
    store.objects.put(name, damaged);
    assertThat(scrub(true, Optional.empty(), Store.CLOCK)).anyMatch(r -> r.repaired() == 1);
    assertThat(store.objects.get(name)).hasValue(bytes);
    assertThat(scrub()).allMatch(r -> r.missing() + r.damaged() == 0);
  }

  @Test
  void repairsNothingFromADamagedCopy() throws Exception {
    String name = layer(CHILD);
    byte[] bytes = store.objects.get(name).orElseThrow();
    store.manager.close();
    Path local = store.layersDirectory().resolve(Store.TENANT + "/" + CHILD);
    Path file = local.resolve(name.substring(name.lastIndexOf('/') + 1));
    Files.delete(file);
    bytes[3] ^= 1;
    Files.write(file, bytes);
    store.objects.delete(name);

    assertThat(scrub(true, Optional.empty(), Store.CLOCK)).allMatch(r -> r.repaired() == 0);
    assertThat(problems).hasSize(1);
    assertThat(store.objects.get(name)).isEmpty();
    store.manager = TenantManager.open(store.config, store.objects, Store.CLOCK);
  }

  @Test
  void namesADamagedIndexAndTouchesNothingOfItsBranch() throws Exception {
    String name = index(CHILD);
    byte[] bytes = store.objects.get(name).orElseThrow();
    bytes[bytes.length - 3] ^= 1;
    store.objects.put(name, bytes);
    int before = store.objects.list(prefix(CHILD)).size();

    scrub(true, Optional.of(Duration.ofHours(1)), later(Duration.ofDays(400)));

    assertThat(problems).extracting(ScrubProblem::kind).contains(Kind.DAMAGED);
    assertThat(problems).extracting(ScrubProblem::object).contains(name);
    assertThat(store.objects.list(prefix(CHILD))).hasSize(before);
  }

  @Test
  void missesAnIndexAndTouchesNothingOfItsBranch() throws Exception {
    store.objects.delete(index(CHILD));
    int before = store.objects.list(prefix(CHILD)).size();

    scrub(true, Optional.of(Duration.ofHours(1)), later(Duration.ofDays(400)));

    assertThat(problems).extracting(ScrubProblem::kind).containsExactly(Kind.MISSING);
    assertThat(store.objects.list(prefix(CHILD))).hasSize(before);
  }

  @Test
  void missesTheAncestorOfABranchAndATenantThatIsLost() throws Exception {
    for (ObjectInfo object : store.objects.list(prefix(Store.ROOT))) {
      store.objects.delete(object.name());
    }
    store.objects.delete("tenants/" + Store.TENANT + "/tenant.json");

    scrub();

    assertThat(problems).extracting(ScrubProblem::kind).containsOnly(Kind.MISSING);
    assertThat(problems)
        .extracting(ScrubProblem::object)
        .containsExactlyInAnyOrder(
            prefix(Store.ROOT) + "index.json-*", "tenants/" + Store.TENANT + "/tenant.json");
  }

  @Test
  void deletesOnlyOrphansThatAreOldEnough() throws Exception {
    String named = layer(CHILD);
    String orphan = named.substring(0, named.length() - 8) + "0000ffff";
    store.objects.put(orphan, new byte[] {1, 2, 3});
    store.objects.put(prefix(CHILD) + "notes.txt", new byte[] {1});

    scrub(false, Optional.of(Duration.ofHours(2)), later(Duration.ofHours(1)));
    assertThat(problems)
        .extracting(ScrubProblem::object)
        .containsExactlyInAnyOrder(orphan, prefix(CHILD) + "notes.txt");
    assertThat(store.objects.get(orphan)).isPresent();

    List<ScrubResult> results =
        scrub(false, Optional.of(Duration.ofHours(2)), later(Duration.ofHours(3)));
    assertThat(store.objects.get(orphan)).isEmpty();
    assertThat(results.stream().mapToLong(ScrubResult::deleted).sum()).isEqualTo(1);
    // Not of ours, and left alone for ever.
    assertThat(store.objects.get(prefix(CHILD) + "notes.txt")).isPresent();
    assertThat(store.objects.get(named)).isPresent();
    store.restart();
    assertThat(
            Store.read(store.manager.branch(Store.TENANT, "child"), Store.block(2), LAST.plus(8)))
        .hasValue("block 2");
  }

  @Test
  void indexesOfEarlierStartsAreOrphans() throws Exception {
    String first = index(CHILD);
    store.restart();
    Timeline child = store.manager.branch(Store.TENANT, "child");
    Store.write(child, Store.block(2), LAST.plus(16), "block 2 again");
    child.flush(10_000);

    scrub();
    assertThat(problems).extracting(ScrubProblem::object).containsExactly(first);
    scrub(false, Optional.of(Duration.ofHours(1)), later(Duration.ofDays(2)));
    assertThat(store.objects.get(first)).isEmpty();
    store.restart();
    child = store.manager.branch(Store.TENANT, "child");
    assertThat(Store.read(child, Store.block(2), LAST.plus(16))).hasValue("block 2 again");
  }
}
