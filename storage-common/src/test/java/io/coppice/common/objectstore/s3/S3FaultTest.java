package io.coppice.common.objectstore.s3;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.coppice.common.error.StorageException;
import io.coppice.common.objectstore.ObjectStore;
import io.coppice.common.objectstore.ObjectStoreUrl;
import io.coppice.common.objectstore.S3Access;
import io.coppice.common.objectstore.s3.FaultyServer.Fault;
import io.coppice.common.platform.Clock;
import io.coppice.common.platform.Ids;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import software.amazon.awssdk.core.sync.RequestBody;

/** One fault after the other: what was asked for happens, or the failure says that it may not. */
class S3FaultTest {
  private static final int ALWAYS = 20;

  private static final AtomicInteger PREFIXES = new AtomicInteger();
  private static S3Server server;

  @TempDir Path directory;
  private final String prefix = "p" + PREFIXES.incrementAndGet();
  private FaultyServer faulty;
  private ObjectStore store;

  @BeforeAll
  static void start() throws Exception {
    server = S3Server.start();
  }

  @AfterAll
  static void stop() {
    server.close();
  }

  @BeforeEach
  void open() throws Exception {
    faulty = FaultyServer.before(server.endpoint());
    store = open(access(faulty.endpoint()));
  }

  private ObjectStore open(S3Access access) throws StorageException {
    return S3ObjectStore.open(S3Server.bucket(prefix), access, Ids.secureRandom());
  }

  private S3Access access(URI endpoint) throws Exception {
    return new S3Access(
        Optional.of(endpoint),
        "us-east-1",
        true,
        Optional.of(S3Server.writeCredentials(directory.resolve("keys"))),
        Duration.ofMillis(700),
        Duration.ofSeconds(8),
        4);
  }

  @AfterEach
  void close() throws Exception {
    store.close();
    faulty.close();
  }

  @ParameterizedTest
  @EnumSource(mode = EnumSource.Mode.EXCLUDE, names = "LATE")
  void writesAndReadsInSpiteOfOneFault(Fault fault) throws Exception {
    faulty.plan("PUT", fault);
    store.put("a", bytes("content of a"));
    faulty.plan("PUT", fault);
    assertThat(store.putIfAbsent("b", bytes("content of b"))).as("made b").isTrue();
    faulty.plan("GET", fault);
    assertThat(store.get("a")).hasValue(bytes("content of a"));
    faulty.plan("GET", fault);
    store.getToFile("b", directory.resolve("copy"));
    assertThat(directory.resolve("copy")).hasContent("content of b");
    faulty.plan("GET", fault == Fault.ANSWER_FLIPPED ? Fault.TWICE : fault);
    assertThat(store.list("")).hasSize(2);
    faulty.plan("DELETE", fault);
    store.delete("a");
    assertThat(store.get("a")).isEmpty();
    assertThat(faulty.heal()).as("faults that nobody met").isZero();
  }

  @Test
  void triesAgainWhenTheAnswerIsLate() throws Exception {
    faulty.plan("PUT", Fault.LATE);
    assertThat(store.putIfAbsent("a", bytes("content"))).isTrue();
    faulty.plan("GET", Fault.LATE);
    assertThat(store.get("a")).hasValue(bytes("content"));
    assertThat(faulty.heal()).isZero();
  }

  @ParameterizedTest
  @EnumSource(names = {"RESET_AFTER", "TWICE"})
  void doesNotTakeTheObjectOfAnotherForItsOwn(Fault fault) throws Exception {
    assertThat(store.putIfAbsent("b", bytes("first"))).isTrue();
    faulty.plan("PUT", fault);
    // The same content, so that only the writer tells them apart.
    assertThat(store.putIfAbsent("b", bytes("first"))).isFalse();
  }

  @Test
  void saysThatItMayPassWhatDoesNotEnd() throws Exception {
    store.put("a", bytes("before"));
    store.close();
    store = open(withCallTimeout(access(faulty.endpoint()), Duration.ofSeconds(1)));
    for (int i = 0; i < ALWAYS; i++) {
      faulty.planAny(Fault.TRUNCATED, Fault.RESET_AFTER, Fault.SLOW_DOWN);
    }
    assertThatThrownBy(() -> store.get("a"))
        .isInstanceOf(StorageException.Transient.class)
        .hasMessageContaining("reading a in bucket " + S3Server.BUCKET)
        .hasMessageContaining(faulty.endpoint().toString());
    assertThatThrownBy(() -> store.getToFile("a", directory.resolve("copy")))
        .isInstanceOf(StorageException.Transient.class);
    assertThat(directory.resolve("copy")).doesNotExist();
    try {
      store.put("a", bytes("after"));
    } catch (StorageException.Transient _) {
      // An answer without content may be whole enough to be believed.
    }
    assertThat(faulty.heal()).isPositive();
    assertThat(store.get("a").map(S3FaultTest::text)).get().isIn("before", "after");
  }

  private static S3Access withCallTimeout(S3Access access, Duration timeout) {
    return new S3Access(
        access.endpoint(),
        access.region(),
        access.pathStyle(),
        access.credentialsFile(),
        timeout,
        timeout,
        access.requestsMax());
  }

  @Test
  void namesWhatIsDamaged() throws Exception {
    store.put("a", bytes("content"));
    faulty.plan("GET", Fault.ANSWER_FLIPPED, Fault.ANSWER_FLIPPED);
    assertThatThrownBy(() -> store.get("a"))
        .isInstanceOf(StorageException.Corrupt.class)
        .hasMessageMatching(
            "object a of 7 bytes: CRC32C is [0-9a-f]{8}, its metadata says [0-9a-f]{8}");
    faulty.plan("GET", Fault.ANSWER_FLIPPED, Fault.ANSWER_FLIPPED);
    assertThatThrownBy(() -> store.getToFile("a", directory.resolve("copy")))
        .isInstanceOf(StorageException.Corrupt.class);
    assertThat(directory.resolve("copy")).doesNotExist();
    assertThat(store.get("a")).hasValue(bytes("content"));
  }

  @Test
  void refusesObjectsWithoutAChecksum() throws Exception {
    try (var client = server.client()) {
      var _ =
          client.putObject(
              put -> put.bucket(S3Server.BUCKET).key(prefix + "/alien"),
              RequestBody.fromString("of another program"));
    }
    assertThatThrownBy(() -> store.get("alien"))
        .isInstanceOf(StorageException.Corrupt.class)
        .hasMessageContaining("alien has no checksum");
  }

  @Test
  void saysWhatAPersonHasToDo() throws Exception {
    assertRefused(
        new ObjectStoreUrl.Bucket("no-such-bucket", ""),
        access(server.endpoint()),
        "bucket no-such-bucket",
        "make it, or correct object_store.url",
        server.endpoint().toString());
    S3Access access = access(server.endpoint());
    Path wrong =
        Files.writeString(
            directory.resolve("wrong"),
            "[default]\naws_access_key_id = test-access-key\naws_secret_access_key = hush\n");
    assertRefused(
        S3Server.bucket(prefix),
        withKeys(access, wrong),
        "does not take the keys",
        "credentials_file");
    Path broken = Files.writeString(directory.resolve("broken"), "[default]\naws_secret = hush\n");
    assertRefused(S3Server.bucket(prefix), withKeys(access, broken), "cannot get keys", "broken");
    assertRefused(
        S3Server.bucket(prefix), withKeys(access, directory.resolve("none")), "cannot get keys");
  }

  private static S3Access withKeys(S3Access access, Path file) {
    return new S3Access(
        access.endpoint(),
        access.region(),
        access.pathStyle(),
        Optional.of(file),
        access.attemptTimeout(),
        access.callTimeout(),
        access.requestsMax());
  }

  private static void assertRefused(
      ObjectStoreUrl.Bucket bucket, S3Access access, String... expected) {
    assertThatThrownBy(() -> S3ObjectStore.open(bucket, access, Ids.secureRandom()))
        .isInstanceOf(StorageException.Precondition.class)
        .hasMessageContainingAll(expected)
        .message()
        .doesNotContain("hush");
  }

  @Test
  void refusesAServerThatIgnoresConditions() throws Exception {
    faulty.ignoreConditions();
    assertThatThrownBy(() -> open(access(faulty.endpoint())))
        .isInstanceOf(StorageException.Precondition.class)
        .hasMessageContaining("ignores the condition If-None-Match");
  }

  @Test
  void doctorTellsWhatDoesNotWork() throws Exception {
    assertThat(examined()).hasSize(6).allMatch(finding -> finding.failure().isEmpty());
    faulty.ignoreConditions();
    assertThat(examined())
        .filteredOn(finding -> finding.failure().isPresent())
        .singleElement()
        .matches(finding -> finding.check().startsWith("conditional write"));
    assertThat(store.list("")).isEmpty();
  }

  private List<S3Doctor.Finding> examined() throws Exception {
    return S3Doctor.examine(
        S3Server.bucket(prefix), access(faulty.endpoint()), Ids.secureRandom(), Clock.SYSTEM);
  }

  @Test
  void saysWhereNobodyAnswers() throws Exception {
    S3Access access = withCallTimeout(access(faulty.endpoint()), Duration.ofMillis(700));
    String endpoint = faulty.endpoint().toString();
    faulty.close();
    assertThatThrownBy(() -> open(access))
        .isInstanceOf(StorageException.Transient.class)
        .hasMessageContaining(endpoint);
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  private static String text(byte[] bytes) {
    return new String(bytes, StandardCharsets.UTF_8);
  }
}
