package io.coppice.pageserver.tenant;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.TimelineId;
import io.coppice.common.objectstore.ObjectInfo;
import io.coppice.pageserver.timeline.Timeline;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Stored bytes that are not what was stored. */
@Timeout(60)
class DamageTest {
  private static final TimelineId CHILD = new TimelineId(3, 1);
  private static final Lsn LAST = Store.START.plus(8);

  @TempDir Path directory;

  private Store storeWithChild() throws Exception {
    Store store = new Store(directory);
    Timeline root = store.importEmpty();
    Store.write(root, Store.block(1), LAST, "block 1");
    Timeline child = store.branch("child", CHILD, root, LAST);
    Store.write(child, Store.block(2), LAST.plus(8), "block 2");
    child.flush(10_000);
    store.manager.close();
    return store;
  }

  private String childIndex(Store store) throws StorageException {
    return only(store.objects.list("tenants/" + Store.TENANT + "/timelines/" + CHILD + "/index"));
  }

  private static String only(List<ObjectInfo> objects) {
    assertThat(objects).hasSize(1);
    return objects.getFirst().name();
  }

  @Test
  void namesADamagedIndexAndServesTheOthers() throws Exception {
    Store store = storeWithChild();
    String name = childIndex(store);
    byte[] bytes = store.objects.get(name).orElseThrow();
    for (int at = 0; at < bytes.length; at += 7) {
      byte[] damaged = bytes.clone();
      damaged[at] ^= 0x10;
      store.objects.put(name, damaged);
      checkChildIsBroken(store, name);
    }
    for (int length : new int[] {0, 1, 50, bytes.length / 2, bytes.length - 1}) {
      store.objects.put(name, Arrays.copyOf(bytes, length));
      checkChildIsBroken(store, name);
    }
    store.objects.put(name, bytes);
    store.manager = TenantManager.open(store.config, store.objects, Store.CLOCK);
    Timeline child = store.manager.branch(Store.TENANT, "child");
    assertThat(Store.read(child, Store.block(2), LAST.plus(8))).hasValue("block 2");
    store.close();
  }

  private static void checkChildIsBroken(Store store, String index) throws Exception {
    try (TenantManager manager = TenantManager.open(store.config, store.objects, Store.CLOCK)) {
      assertThatThrownBy(() -> manager.branch(Store.TENANT, CHILD.toString()))
          .isInstanceOf(StorageException.Corrupt.class)
          .hasMessageContaining(index);
      Timeline root = manager.branch(Store.TENANT, "main");
      assertThat(Store.read(root, Store.block(1), LAST)).hasValue("block 1");
    }
  }

  /** What the damaged one was made from is not known: any branch may be it. */
  @Test
  void keepsEveryBranchThatADamagedOneMayReadFrom() throws Exception {
    Store store = storeWithChild();
    store.manager = TenantManager.open(store.config, store.objects, Store.CLOCK);
    Timeline child = store.manager.branch(Store.TENANT, "child");
    Timeline grandchild = store.branch("grandchild", new TimelineId(3, 2), child, LAST);
    Timeline sibling = store.branch("sibling", new TimelineId(3, 3), store.root(), LAST);
    store.manager.deleteBranch(sibling.id());
    store.manager.close();
    String prefix = "tenants/" + Store.TENANT + "/timelines/" + grandchild.id().timeline();
    String index = only(store.objects.list(prefix + "/index"));
    byte[] bytes = store.objects.get(index).orElseThrow();
    store.objects.put(index, Arrays.copyOf(bytes, bytes.length - 1));
    try (TenantManager manager = TenantManager.open(store.config, store.objects, Store.CLOCK)) {
      assertThatThrownBy(() -> manager.deleteBranch(child.id()))
          .isInstanceOf(StorageException.Corrupt.class)
          .hasMessageContaining(grandchild.id().timeline() + " needs is not known")
          .hasMessageContaining(index);
    }
    store.objects.put(index, bytes);
    store.manager = TenantManager.open(store.config, store.objects, Store.CLOCK);
    Timeline again = store.manager.branch(Store.TENANT, "grandchild");
    assertThat(Store.read(again, Store.block(1), LAST)).hasValue("block 1");
    store.close();
  }

  @Test
  void namesADamagedTenant() throws Exception {
    Store store = storeWithChild();
    String name = "tenants/" + Store.TENANT + "/tenant.json";
    byte[] bytes = store.objects.get(name).orElseThrow();
    bytes[bytes.length - 2] ^= 1;
    store.objects.put(name, bytes);
    try (TenantManager manager = TenantManager.open(store.config, store.objects, Store.CLOCK)) {
      assertThatThrownBy(() -> manager.branch(Store.TENANT, "main"))
          .isInstanceOf(StorageException.Corrupt.class)
          .hasMessageContaining(name);
    }
  }

  @Test
  void readsNoIndexOfAnotherVersion() throws Exception {
    Store store = storeWithChild();
    String name = childIndex(store);
    String text = new String(store.objects.get(name).orElseThrow(), StandardCharsets.UTF_8);
    store.objects.put(
        name,
        text.replaceFirst("\"version\":\\d+", "\"version\":99").getBytes(StandardCharsets.UTF_8));
    try (TenantManager manager = TenantManager.open(store.config, store.objects, Store.CLOCK)) {
      assertThatThrownBy(() -> manager.branch(Store.TENANT, CHILD.toString()))
          .isInstanceOf(StorageException.Corrupt.class)
          .hasMessageContaining("format version 99");
    }
  }

  @Test
  void refusesALayerThatIsDamagedInTheObjectStore() throws Exception {
    Store store = storeWithChild();
    String name =
        store.objects.list("tenants/" + Store.TENANT + "/timelines/" + CHILD).stream()
            .map(ObjectInfo::name)
            .filter(n -> !n.contains("index"))
            .findFirst()
            .orElseThrow();
    byte[] bytes = store.objects.get(name).orElseThrow();
    bytes[bytes.length / 3] ^= 1;
    store.objects.put(name, bytes);
    Path local = store.layersDirectory().resolve(Store.TENANT.toString()).resolve(CHILD.toString());
    deleteFiles(local);
    store.manager = TenantManager.open(store.config, store.objects, Store.CLOCK);
    Timeline child = store.manager.branch(Store.TENANT, "child");
    assertThat(child.canAnswerWithoutBlocking(LAST.plus(8))).isFalse();
    assertThatThrownBy(() -> Store.read(child, Store.block(2), LAST.plus(8)))
        .isInstanceOf(StorageException.Corrupt.class)
        .hasMessageContaining(name.substring(name.lastIndexOf('/') + 1))
        .hasMessageContaining("CRC32C");
    try (Stream<Path> left = Files.list(local)) {
      assertThat(left).isEmpty();
    }
    // What does not need the layer is still there.
    assertThat(Store.read(child, Store.block(1), LAST)).hasValue("block 1");
    store.close();
  }

  @Test
  void getsALayerAgainThatIsDamagedHere() throws Exception {
    Store store = storeWithChild();
    Path local = store.layersDirectory().resolve(Store.TENANT.toString()).resolve(CHILD.toString());
    Path file;
    try (Stream<Path> files = Files.list(local)) {
      file = files.findFirst().orElseThrow();
    }
    byte[] bytes = Files.readAllBytes(file);
    // A new file: the old one may be a link to the object.
    Files.delete(file);
    bytes[bytes.length - 60] ^= 1;
    bytes[bytes.length - 5] ^= 1;
    Files.write(file, bytes);
    store.manager = TenantManager.open(store.config, store.objects, Store.CLOCK);
    Timeline child = store.manager.branch(Store.TENANT, "child");
    assertThat(Store.read(child, Store.block(2), LAST.plus(8))).hasValue("block 2");
    store.close();
  }

  @Test
  void getsLayersThatAreNotHereOnDemand() throws Exception {
    Store store = storeWithChild();
    deleteFiles(store.layersDirectory().resolve(Store.TENANT + "/" + CHILD));
    store.manager = TenantManager.open(store.config, store.objects, Store.CLOCK);
    Timeline child = store.manager.branch(Store.TENANT, "child");
    assertThat(child.layers()).allMatch(layer -> !layer.isResident());
    assertThat(Store.read(child, Store.block(2), LAST.plus(8))).hasValue("block 2");
    assertThat(child.layers()).allMatch(layer -> layer.isResident());
    assertThat(child.canAnswerWithoutBlocking(LAST.plus(8))).isTrue();
    child.verifyLayers();
    store.close();
  }

  private static void deleteFiles(Path local) throws Exception {
    try (Stream<Path> files = Files.list(local)) {
      for (Path file : files.toList()) {
        Files.delete(file);
      }
    }
  }
}
