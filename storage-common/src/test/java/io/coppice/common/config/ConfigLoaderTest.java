package io.coppice.common.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.coppice.common.error.StorageException;
import io.coppice.common.objectstore.ObjectStoreConfig;
import io.coppice.common.objectstore.ObjectStoreUrl;
import io.coppice.common.objectstore.S3Access;
import io.coppice.common.rpc.HostPort;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ConfigLoaderTest {
  @TempDir Path directory;

  @Test
  void takesDefaultsWhenNothingIsSet() throws Exception {
    CoppiceConfig config = CoppiceConfig.of(load("", Map.of(), List.of()), Path.of("/data"));

    assertThat(config.dataDir()).isEqualTo(Path.of("/data"));
    assertThat(config.cluster().pageserver()).isEqualTo(new HostPort("127.0.0.1", 7100));
    assertThat(config.cluster().safekeepers()).hasSize(3);
    assertThat(config.pageserver().openLayerSizeBytesMax()).isEqualTo(256L << 20);
    assertThat(config.objectStore().url())
        .isEqualTo(new ObjectStoreUrl.Directory(Path.of("/data/objects")));
    assertThat(config.endpoint().startTimeout()).isEqualTo(Duration.ofSeconds(60));
  }

  @Test
  void takesABucketAndHowToReachIt() throws Exception {
    CoppiceConfig config =
        CoppiceConfig.of(
            load(
                """
                [object_store]
                url = "s3://my-bucket/coppice"
                [object_store.s3]
                endpoint = "https://s3.example.org:9000"
                region = "eu-central-1"
                credentials_file = "/etc/keys"
                attempt_timeout = "2s"
                requests_max = 4
                """,
                Map.of("COPPICE_OBJECT_STORE__S3__CALL_TIMEOUT", "9s"),
                List.of()),
            Path.of("/data"));
    assertThat(config.objectStore())
        .isEqualTo(
            new ObjectStoreConfig(
                new ObjectStoreUrl.Bucket("my-bucket", "coppice"),
                new S3Access(
                    Optional.of(URI.create("https://s3.example.org:9000")),
                    "eu-central-1",
                    true,
                    Optional.of(Path.of("/etc/keys")),
                    Duration.ofSeconds(2),
                    Duration.ofSeconds(9),
                    4)));
  }

  @Test
  void refusesWhatNoBucketIsReachedBy() {
    for (String wrong :
        List.of(
            "url=s3://key:hush@bucket",
            "s3.endpoint=https://key:hush@host",
            "s3.endpoint=host:9000",
            "s3.endpoint=https://host/path",
            "s3.region=",
            "s3.path_style=maybe",
            "s3.requests_max=0")) {
      assertThatThrownBy(() -> load("", Map.of(), List.of("object_store." + wrong)))
          .as(wrong)
          .isInstanceOf(StorageException.Invalid.class)
          .message()
          .contains("object_store.")
          .doesNotContain("hush");
    }
    assertThatThrownBy(() ->
            CoppiceConfig.of(
                load("", Map.of(), List.of("object_store.s3.call_timeout=1s")), Path.of("/data")))
        .isInstanceOf(StorageException.Invalid.class)
        .hasMessageContaining("object_store.s3.call_timeout");
  }

  @Test
  void everyDefaultIsAccepted() throws Exception {
    for (Settings.Entry entry : load("", Map.of(), List.of()).entries()) {
      assertThat(entry.key().type().parse(entry.text())).as(entry.key().name()).isNotNull();
    }
  }

  @Test
  void aFlagBeatsTheEnvironmentWhichBeatsTheFileWhichBeatsTheDefault() throws Exception {
    String file = "[cluster]\npageserver = \"127.0.0.1:1\"\n";
    Map<String, String> environment = Map.of("COPPICE_CLUSTER__PAGESERVER", "127.0.0.1:2");
    List<String> flags = List.of("cluster.pageserver=127.0.0.1:3", "cluster.pageserver=[::1]:4");

    assertThat(pageserverPort(load("", Map.of(), List.of()))).isEqualTo(7100);
    assertThat(pageserverPort(load(file, Map.of(), List.of()))).isEqualTo(1);
    assertThat(pageserverPort(load(file, environment, List.of()))).isEqualTo(2);
    Settings all = load(file, environment, flags);
    assertThat(pageserverPort(all)).isEqualTo(4);
    assertThat(all.origin(ConfigKeys.CLUSTER_PAGESERVER)).hasToString("--set cluster.pageserver");
  }

  @Test
  void namesTheLineOfASetting() throws Exception {
    Settings settings =
        load("\n[pageserver]\n# how much\nopen_layer_size_max = \"64MB\"\n", Map.of(), List.of());

    assertThat(settings.origin(ConfigKeys.PAGESERVER_OPEN_LAYER_SIZE_MAX).toString())
        .endsWith("coppice.toml line 4");
  }

  @Test
  void offersTheNearestNameForAnUnknownKey() {
    assertRefused("[pageserver]\nopen_layer_size_mx = \"64MB\"\n")
        .contains("line 2")
        .contains("unknown key \"pageserver.open_layer_size_mx\"")
        .contains("did you mean \"pageserver.open_layer_size_max\"?");
    assertRefused("dta_dir = \"/x\"\n").contains("did you mean \"data_dir\"?");
    assertRefused("[pagserver]\nx = 1\n")
        .contains("line 1")
        .contains("unknown section \"pagserver\" (did you mean \"pageserver\"?)");
    assertRefused("wholly_different = 1\n")
        .contains("config print --effective")
        .doesNotContain("did you mean");
  }

  @Test
  void tellsAllMistakesAtOnce() {
    assertThatThrownBy(() ->
            load(
                "[log]\nlevel = \"loud\"\n[endpoint]\nstart_timeout = 5\n",
                Map.of("COPPICE_DATADIR", "/x", "COPPICE_CONFIG", "/y", "HOME", "/z"),
                List.of("nonsense")))
        .isInstanceOf(StorageException.Invalid.class)
        .message()
        .hasLineCount(4)
        .contains("line 2: log.level: not a log level: \"loud\"")
        .contains("line 4: endpoint.start_timeout: not a duration: \"5\"")
        .contains("COPPICE_DATADIR: sets nothing (did you mean \"COPPICE_DATA_DIR\"?)")
        .contains("--set nonsense: expected key=value");
  }

  @Test
  void refusesTextThatIsNotToml() {
    assertRefused("[cluster\n").contains("coppice.toml line 1:");
  }

  @Test
  void refusesAFileThatIsNotThere() {
    assertThatThrownBy(
            () -> ConfigLoader.load(Optional.of(directory.resolve("no")), Map.of(), List.of()))
        .isInstanceOf(StorageException.Invalid.class)
        .hasMessageContaining("there is no such file");
  }

  @Test
  void refusesAnEvenNumberOfSafekeepersAndDoubleAddresses() {
    assertThatThrownBy(() ->
            CoppiceConfig.of(
                load("[cluster]\nsafekeepers = [\"h:1\", \"h:2\"]\n", Map.of(), List.of()),
                Path.of("/data")))
        .isInstanceOf(StorageException.Invalid.class)
        .hasMessageContaining("line 2")
        .hasMessageContaining("odd number");
    assertRefused("[cluster]\nsafekeepers = [\"h:1\", \"h:2\", \"h:1\"]\n")
        .contains("listed twice");
  }

  @ParameterizedTest
  @CsvSource({"1B,1", "8kB,8192", "256MB,268435456", "2 gb,2147483648", "1TB,1099511627776"})
  void readsSizes(String text, long sizeBytes) {
    assertThat(ByteSizes.parse(text)).isEqualTo(sizeBytes);
    assertThat(ByteSizes.parse(ByteSizes.format(sizeBytes))).isEqualTo(sizeBytes);
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "MB", "256", "-1MB", "1.5GB", "99999999999TB", "1XB"})
  void refusesWhatIsNoSize(String text) {
    assertThatThrownBy(() -> ByteSizes.parse(text)).hasMessageContaining("not a size");
  }

  @ParameterizedTest
  @CsvSource({"5ms,PT0.005S", "10s,PT10S", "2min,PT2M", "2m,PT2M", "3h,PT3H", "7d,PT168H"})
  void readsDurations(String text, Duration duration) {
    assertThat(Durations.parse(text)).isEqualTo(duration);
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "10", "s", "-1s", "1.5s", "10 years"})
  void refusesWhatIsNoDuration(String text) {
    assertThatThrownBy(() -> Durations.parse(text)).hasMessageContaining("not a duration");
  }

  private static int pageserverPort(Settings settings) {
    return settings.get(ConfigKeys.CLUSTER_PAGESERVER).port();
  }

  private org.assertj.core.api.AbstractStringAssert<?> assertRefused(String file) {
    return assertThatThrownBy(() -> load(file, Map.of(), List.of()))
        .isInstanceOf(StorageException.Invalid.class)
        .message();
  }

  private Settings load(String file, Map<String, String> environment, List<String> flags)
      throws StorageException, IOException {
    Path path = directory.resolve("coppice.toml");
    Files.writeString(path, file);
    return ConfigLoader.load(Optional.of(path), environment, flags);
  }
}
