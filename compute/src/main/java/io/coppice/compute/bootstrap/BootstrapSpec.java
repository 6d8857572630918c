package io.coppice.compute.bootstrap;

import io.coppice.common.id.TenantId;
import io.coppice.common.id.TimelineId;
import io.coppice.compute.postgres.PostgresInstallation;
import io.coppice.compute.postgres.RunAs;
import java.nio.file.Path;
import java.util.Optional;

/**
 * What a new cluster shall be.
 *
 * @param name of the tenant
 * @param branchName of its root branch
 * @param workDirectory where the cluster is made, to be removed when it is imported
 * @param locale of the databases, as {@code initdb --locale}; none is {@code C}, which every
 *     machine has that a branch may run on later
 * @param dataChecksums whether pages carry checksums
 */
public record BootstrapSpec(
    TenantId tenant,
    String name,
    TimelineId timeline,
    String branchName,
    PostgresInstallation installation,
    RunAs runAs,
    Path workDirectory,
    Optional<String> locale,
    boolean dataChecksums) {

  /** With a root branch {@code main}, locale C and no checksums. */
  public static BootstrapSpec of(
      TenantId tenant,
      String name,
      TimelineId timeline,
      PostgresInstallation installation,
      RunAs runAs,
      Path workDirectory) {
    return new BootstrapSpec(
        tenant,
        name,
        timeline,
        "main",
        installation,
        runAs,
        workDirectory,
        Optional.empty(),
        false);
  }
}
