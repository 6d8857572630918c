package io.coppice.it.mutation;

import io.coppice.common.error.StorageException;
import io.coppice.postgres.files.ClusterFiles;
import io.coppice.postgres.verify.WalVerifier;
import io.coppice.postgres.version.PostgresVersion;
import io.coppice.postgres.wal.WalRecord;

/**
 * What {@code wal verify} runs on, up to the first mismatch. Loaded anew for each mutant, with the
 * classes that it names: see {@link FreshClasses}.
 */
final class VerifierReplay implements Replay {
  private final WalVerifier verifier;

  @SuppressWarnings("UnnecessaryMethodReference") // the interface that it has is not the fresh one
  VerifierReplay(PostgresVersion version, ClusterFiles base) {
    verifier =
        new WalVerifier(
            version,
            base::read,
            mismatch -> {
              throw new IllegalStateException(mismatch.toString());
            });
  }

  @Override
  public void apply(WalRecord record) throws StorageException {
    verifier.verify(record);
  }

  @Override
  public boolean isComplete() {
    return verifier.total().unsupported() == 0;
  }
}
