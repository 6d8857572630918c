package io.coppice.compute.endpoint;

import io.coppice.common.error.StorageException;
import io.coppice.compute.postgres.PostgresInstallation;
import io.coppice.compute.postgres.RunAs;

/** What there is on this machine to run Postgres: to find it out takes some processes. */
record LocalPostgres(RunAs runAs, PostgresInstallation installation) {

  /**
   * Looks for it.
   *
   * @throws StorageException.Precondition if something is missing, or its user cannot come there
   */
  static LocalPostgres find(EndpointSpec spec, int pgMajor, RunAs runAs)
      throws StorageException, InterruptedException {
    PostgresInstallation installation = PostgresInstallation.find(spec.pgBin(), pgMajor);
    runAs.requireEntry(installation.bin(), "the programs of Postgres");
    return new LocalPostgres(runAs, installation);
  }
}
