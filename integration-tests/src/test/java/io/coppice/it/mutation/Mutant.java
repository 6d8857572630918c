package io.coppice.it.mutation;

import io.coppice.postgres.files.ClusterFiles;
import io.coppice.postgres.version.PostgresVersion;
import io.coppice.postgres.wal.WalRecord;
import java.lang.reflect.InvocationTargetException;
import org.jspecify.annotations.Nullable;

/** Redo with one defect, which replays until something is found. */
final class Mutant {
  private final MutationPoint point;

  /** Null from when something was found. */
  private @Nullable Replay replay;

  Mutant(MutationPoint point, FreshClasses classes, PostgresVersion version, ClusterFiles base)
      throws ReflectiveOperationException {
    this.point = point;
    try {
      replay = classes.replay(version, base);
    } catch (InvocationTargetException _) {
      // Redo cannot even be set up.
      replay = null;
    }
  }

  boolean isCaught() {
    return replay == null;
  }

  /** Whatever is thrown, {@code wal verify} would not end as it does when all is well. */
  void apply(WalRecord record) {
    if (replay == null) {
      return;
    }
    Probe.reset();
    try {
      replay.apply(record);
    } catch (VerifyError | ClassFormatError | IncompatibleClassChangeError e) {
      throw new AssertionError("no valid class: " + point, e);
    } catch (Throwable _) {
      replay = null;
    }
  }

  /** The WAL is at its end. */
  void end() {
    if (replay != null && !replay.isComplete()) {
      replay = null;
    }
  }
}
