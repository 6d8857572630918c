package io.coppice.cli.output;

import io.coppice.common.error.StorageException;
import io.coppice.compute.storage.PageserverClient;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.net.ConnectException;
import java.net.UnknownHostException;
import java.nio.file.FileSystemException;
import java.util.concurrent.TimeoutException;

/** The one map from failures to exit codes and the texts that go with them. */
public final class Failures {
  private Failures() {}

  /** What the process ends with. */
  public static ExitCode code(Throwable failure) {
    return switch (failure) {
      case StorageException known -> code(known);
      case CommandFailure known -> known.code();
      case FileSystemException _ -> ExitCode.PRECONDITION;
      case IOException e when isAddressTaken(e) -> ExitCode.BUSY;
      case IOException _ -> ExitCode.PRECONDITION;
      default -> ExitCode.INTERNAL;
    };
  }

  private static ExitCode code(StorageException failure) {
    return switch (failure) {
      case StorageException.Transient _ -> transientCode(failure);
      case StorageException.Fenced _ -> ExitCode.CONFLICT;
      case StorageException.Corrupt _ -> ExitCode.DAMAGED;
      case StorageException.NotFound _ -> ExitCode.NOT_FOUND;
      case StorageException.Invalid _ -> ExitCode.USAGE;
      case StorageException.Conflict _ -> ExitCode.CONFLICT;
      case StorageException.Precondition _ -> ExitCode.PRECONDITION;
      case StorageException.Unsupported _ -> ExitCode.PRECONDITION;
    };
  }

  private static ExitCode transientCode(StorageException failure) {
    if (PageserverClient.isDeadline(failure)
        || isLsnNotThere(failure)
        || failure.getCause() instanceof TimeoutException) {
      return ExitCode.TIMED_OUT;
    }
    return isUnreachable(failure) ? ExitCode.UNREACHABLE : ExitCode.BUSY;
  }

  private static boolean isUnreachable(StorageException failure) {
    return isServerAway(failure) || isConnectionRefused(failure);
  }

  /** At the bottom of what a client of something else than our servers says. */
  private static boolean isConnectionRefused(StorageException failure) {
    Throwable at = failure;
    while (at.getCause() != null) {
      at = at.getCause();
    }
    return at instanceof ConnectException || at instanceof UnknownHostException;
  }

  private static boolean isServerAway(StorageException failure) {
    return failure.getCause() instanceof StatusRuntimeException status
        && status.getStatus().getCode() == Status.Code.UNAVAILABLE
        && status.getStatus().getCause() != null;
  }

  /** The server waited for WAL as long as it may, and says so before our own deadline. */
  private static boolean isLsnNotThere(StorageException failure) {
    return String.valueOf(failure.getMessage()).matches("(?s).*waited \\d+ ms for LSN .*");
  }

  private static boolean isAddressTaken(IOException failure) {
    return failure.getMessage() != null && failure.getMessage().startsWith("cannot listen on");
  }

  /** What the user is told. */
  public static String message(Throwable failure) {
    return switch (failure) {
      case StorageException known when PageserverClient.isDeadline(known) ->
          // What gRPC adds is about channels.
          String.valueOf(known.getMessage()).replaceFirst("(?s): CallOptions deadline.*", "");
      case StorageException known when isServerAway(known) ->
          String.valueOf(known.getMessage()).replace(": io exception", " does not answer")
              + " (is `coppice up` running?)";
      case java.nio.file.AccessDeniedException denied ->
          "no permission to use %s".formatted(denied.getFile());
      case java.nio.file.NoSuchFileException missing ->
          "there is no file %s".formatted(missing.getFile());
      case FileSystemException file -> String.valueOf(file.getMessage());
      case StorageException known -> String.valueOf(known.getMessage());
      case CommandFailure known -> String.valueOf(known.getMessage());
      case IOException io -> String.valueOf(io.getMessage());
      default -> "this is a bug of Coppice: " + failure;
    };
  }
}
