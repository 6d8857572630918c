package io.coppice.cli.command;

import io.coppice.cli.Session;
import io.coppice.common.config.CoppiceConfig;
import io.coppice.common.error.StorageException;
import io.coppice.common.platform.Ids;
import io.coppice.compute.bootstrap.BootstrapSpec;
import io.coppice.compute.bootstrap.ClusterBootstrap;
import io.coppice.compute.postgres.RunAs;
import io.coppice.compute.storage.PageserverClient;
import io.coppice.compute.storage.TenantInfo;
import java.util.Optional;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/** {@code coppice tenant}. */
@Command(
    name = "tenant",
    aliases = "tenants",
    description = "Tenants: each is one database cluster with all its branches.")
public final class TenantCommand extends Noun {
  public TenantCommand(Session session) {
    super(session);
  }

  @Command(name = "create", description = "Makes a new cluster with a branch called main.")
  void create(
      @Parameters(paramLabel = "NAME", description = "Of the tenant.") String name,
      @Mixin PostgresOptions postgres)
      throws StorageException, InterruptedException {
    CoppiceConfig config = session().config();
    try (PageserverClient client = session().pageserver()) {
      refuseTaken(client, name);
      BootstrapSpec spec =
          BootstrapSpec.of(
              Ids.newTenantId(Ids.secureRandom()),
              name,
              Ids.newTimelineId(Ids.secureRandom()),
              postgres.find(config.endpoint().pgBin()),
              RunAs.resolve(Optional.empty()),
              config.dataDir().resolve("bootstrap"));
      output().message("making a cluster with " + spec.installation());
      output().one(Columns.TENANT, ClusterBootstrap.create(spec, client, session().clock()));
    }
  }

  /** The server refuses it too, but only after the cluster has been made. */
  private static void refuseTaken(PageserverClient client, String name) throws StorageException {
    for (TenantInfo tenant : client.listTenants()) {
      if (tenant.name().equals(name)) {
        throw new StorageException.Conflict(
            "there is a tenant \"%s\" already (%s)".formatted(name, tenant.id()));
      }
    }
  }

  @Command(name = "list", description = "Shows all tenants.")
  void list() throws StorageException {
    try (PageserverClient client = session().pageserver()) {
      output().list(Columns.TENANT, client.listTenants());
    }
  }
}
