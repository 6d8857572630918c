package io.coppice.compute.bootstrap;

import io.coppice.common.error.StorageException;
import io.coppice.common.platform.Clock;
import io.coppice.compute.archive.TarPacker;
import io.coppice.compute.postgres.DirectoryTrees;
import io.coppice.compute.postgres.Initdb;
import io.coppice.compute.postgres.ReachableDirectory;
import io.coppice.compute.storage.PageserverClient;
import io.coppice.compute.storage.TenantInfo;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Makes new tenants. */
public final class ClusterBootstrap {
  private static final Logger log = LoggerFactory.getLogger(ClusterBootstrap.class);

  private ClusterBootstrap() {}

  /**
   * Makes a new cluster and imports it. Whatever happens, nothing of it is left on this machine.
   *
   * @throws StorageException.Conflict if there is such a tenant already
   */
  public static TenantInfo create(BootstrapSpec spec, PageserverClient pageserver, Clock clock)
      throws StorageException, InterruptedException {
    long startMillis = clock.monotonicMillis();
    Path parent = ReachableDirectory.create(spec.runAs(), spec.workDirectory(), "bootstrap");
    Path directory = null;
    try {
      directory = Files.createTempDirectory(parent, "initdb-");
      spec.runAs().own(directory);
      Initdb.run(spec.installation(), spec.runAs(), directory, spec.locale(), spec.dataChecksums());
      long madeMillis = clock.monotonicMillis();
      Path cluster = directory;
      TenantInfo tenant =
          pageserver.importTenant(
              spec.tenant(),
              spec.name(),
              spec.timeline(),
              spec.branchName(),
              out -> TarPacker.pack(cluster, out));
      log.info(
          "tenant {} made with {}: initdb {} ms, import {} ms",
          spec.tenant(),
          spec.installation(),
          madeMillis - startMillis,
          clock.monotonicMillis() - madeMillis);
      return tenant;
    } catch (IOException e) {
      throw new StorageException.Transient(
          "cannot make a cluster in %s: %s".formatted(parent, e), e);
    } finally {
      if (directory != null) {
        remove(directory);
      }
    }
  }

  private static void remove(Path directory) {
    try {
      DirectoryTrees.delete(directory);
    } catch (IOException e) {
      log.warn("temporary cluster {} could not be removed", directory, e);
    }
  }
}
