package io.coppice.compute.endpoint;

import io.coppice.common.id.TenantId;
import io.coppice.common.id.TimelineId;
import io.coppice.common.objectstore.ObjectStoreConfig;
import io.coppice.common.platform.Clock;
import io.coppice.common.rpc.HostPort;
import io.coppice.compute.bootstrap.BootstrapSpec;
import io.coppice.compute.bootstrap.ClusterBootstrap;
import io.coppice.compute.postgres.TestPostgres;
import io.coppice.compute.storage.PageserverClient;
import io.coppice.pageserver.server.Pageserver;
import io.coppice.pageserver.server.PageserverConfig;
import io.coppice.safekeeper.server.Safekeeper;
import io.coppice.safekeeper.server.SafekeeperConfig;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Three safekeepers and a page server in this process, and one tenant. */
final class TestStorage implements AutoCloseable {
  static final TenantId TENANT = new TenantId(1, 2);
  static final TimelineId MAIN = new TimelineId(3, 4);

  private static final HostPort ANY = new HostPort("127.0.0.1", 0);
  private static final int SAFEKEEPERS = 3;

  private final Path directory;
  private final List<Safekeeper> safekeepers = new ArrayList<>();
  private final List<HostPort> safekeeperAddresses = new ArrayList<>();
  private final Pageserver pageserver;
  private final PageserverClient client;

  TestStorage(Path directory) throws Exception {
    this.directory = directory;
    for (int id = 1; id <= SAFEKEEPERS; id++) {
      Safekeeper safekeeper =
          Safekeeper.start(new SafekeeperConfig(id, directory.resolve("safekeeper-" + id), ANY));
      safekeepers.add(safekeeper);
      safekeeperAddresses.add(new HostPort("127.0.0.1", safekeeper.port()));
    }
    pageserver =
        Pageserver.start(
            PageserverConfig.of(
                directory.resolve("pageserver"),
                ANY,
                safekeeperAddresses,
                ObjectStoreConfig.ofDirectory(directory.resolve("objects"))));
    client = PageserverClient.open(new HostPort("127.0.0.1", pageserver.port()));
  }

  void createTenant() throws Exception {
    ClusterBootstrap.create(
        BootstrapSpec.of(
            TENANT,
            "test",
            MAIN,
            TestPostgres.installation(),
            TestPostgres.user(),
            directory.resolve("work")),
        client,
        Clock.SYSTEM);
  }

  PageserverClient client() {
    return client;
  }

  EndpointSpec endpoint(String branch) {
    return EndpointSpec.of(client, safekeeperAddresses, TENANT, branch, directory);
  }

  EndpointRegistry registry() {
    return new EndpointRegistry(directory, Clock.SYSTEM);
  }

  /** Stops one safekeeper for good. */
  void stopSafekeeper(int index) {
    safekeepers.get(index).close();
  }

  @Override
  public void close() {
    client.close();
    pageserver.close();
    safekeepers.forEach(Safekeeper::close);
  }
}
