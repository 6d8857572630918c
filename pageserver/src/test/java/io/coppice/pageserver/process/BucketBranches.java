package io.coppice.pageserver.process;

import static org.assertj.core.api.Assertions.assertThat;

import io.coppice.common.id.Lsn;
import io.coppice.common.id.TimelineId;
import io.coppice.common.objectstore.ObjectStore;
import io.coppice.common.objectstore.ObjectStoreConfig;
import io.coppice.common.objectstore.ObjectStores;
import io.coppice.common.objectstore.s3.S3Server;
import io.coppice.common.platform.Clock;
import io.coppice.common.platform.Ids;
import io.coppice.pageserver.tenant.TenantManager;
import io.coppice.pageserver.tenant.TenantManagerConfig;
import io.coppice.pageserver.tenant.WalKeepers;
import io.coppice.pageserver.timeline.Timeline;
import io.coppice.pageserver.timeline.UpkeepLimits;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Branches with their objects in a bucket of an S3 server, which can be opened anew. */
final class BucketBranches implements AutoCloseable {
  private static final int UPKEEP_RUNS_MAX = 1_000;

  private final Path directory;
  private final Clock clock;
  private final long openLayerSizeBytesMax;
  private final SimpleMeterRegistry registry = new SimpleMeterRegistry();
  private final S3Server server;
  private final ObjectStore objects;
  private @Nullable Branches branches;

  BucketBranches(Path directory, Clock clock, long openLayerSizeBytesMax) throws Exception {
    this.directory = directory;
    this.clock = clock;
    this.openLayerSizeBytesMax = openLayerSizeBytesMax;
    server = S3Server.start();
    Path credentials = S3Server.writeCredentials(directory.resolve("credentials"));
    objects =
        ObjectStores.open(
            new ObjectStoreConfig(
                S3Server.bucket("pages"), S3Server.access(server.endpoint(), credentials)),
            Ids.secureRandom());
  }

  void open(UpkeepLimits limits) throws Exception {
    TenantManagerConfig config =
        TenantManagerConfig.defaults(cache())
            .with()
            .openLayerSizeBytesMax(openLayerSizeBytesMax)
            .upkeep(limits)
            .build();
    branches =
        new Branches(
            directory, TenantManager.open(config, objects, clock, registry, WalKeepers.NONE));
  }

  void reopen(UpkeepLimits limits) throws Exception {
    close(branches);
    open(limits);
  }

  void reopenOnEmptyDisk(UpkeepLimits limits) throws Exception {
    close(branches);
    Postgres.exec(List.of("rm", "-r", cache().toString()));
    open(limits);
  }

  private Path cache() {
    return directory.resolve("cache");
  }

  Path layersDirectory() {
    return cache().resolve("layers");
  }

  Timeline importDirectory(Path dataDirectory) throws Exception {
    return opened().importDirectory(dataDirectory);
  }

  Postgres restore(Timeline timeline, Lsn lsn, Path target) throws Exception {
    return opened().restore(timeline, lsn, target);
  }

  private Branches opened() {
    return Objects.requireNonNull(branches);
  }

  TenantManager tenants() {
    return opened().tenants;
  }

  Timeline timeline(TimelineId id) throws Exception {
    return tenants().branch(Branches.TENANT, id.toString());
  }

  List<Timeline> timelines() throws Exception {
    return tenants().branches(Branches.TENANT);
  }

  /** Does all upkeep of layers that is due, which must succeed. */
  void finishUpkeep() throws Exception {
    for (Timeline timeline : timelines()) {
      int runs = 0;
      while (timeline.isUpkeepDue()) {
        timeline.upkeep();
        assertThat(timeline.upkeepFailure()).isNull();
        assertThat(++runs).as("runs of upkeep").isLessThan(UPKEEP_RUNS_MAX);
      }
    }
  }

  SimpleMeterRegistry registry() {
    return registry;
  }

  /** Of a counter that all openings share. */
  double count(String name) {
    return registry.find(name).counters().stream()
        .filter(counter -> !"failed".equals(counter.getId().getTag("outcome")))
        .mapToDouble(Counter::count)
        .sum();
  }

  private static void close(@Nullable Branches branches) {
    if (branches != null) {
      branches.close();
    }
  }

  @Override
  public void close() {
    close(branches);
    objects.close();
    server.close();
  }
}
