package io.coppice.common.rpc;

import io.coppice.common.error.StorageException;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;

/** The one map between kinds of failure and gRPC status, in both directions. */
public final class RpcStatus {

  private RpcStatus() {}

  /** What a server answers. Failures that are none of ours become INTERNAL. */
  public static Status of(Throwable failure) {
    return switch (failure) {
      case StorageException known -> code(known).toStatus().withDescription(known.getMessage());
      case StatusRuntimeException already -> already.getStatus();
      case IllegalArgumentException malformed ->
          Status.INVALID_ARGUMENT.withDescription(malformed.getMessage());
      default -> Status.INTERNAL.withDescription(String.valueOf(failure)).withCause(failure);
    };
  }

  private static Status.Code code(StorageException failure) {
    return switch (failure) {
      case StorageException.Transient _ -> Status.Code.UNAVAILABLE;
      case StorageException.Fenced _ -> Status.Code.ABORTED;
      case StorageException.Corrupt _ -> Status.Code.DATA_LOSS;
      case StorageException.NotFound _ -> Status.Code.NOT_FOUND;
      case StorageException.Invalid _ -> Status.Code.INVALID_ARGUMENT;
      case StorageException.Conflict _ -> Status.Code.ALREADY_EXISTS;
      case StorageException.Precondition _ -> Status.Code.FAILED_PRECONDITION;
      case StorageException.Unsupported _ -> Status.Code.UNIMPLEMENTED;
    };
  }

  /** What a client makes of an answer. */
  public static StorageException toException(Status status) {
    String message = status.getDescription() == null ? status.toString() : status.getDescription();
    return switch (status.getCode()) {
      case ABORTED -> new StorageException.Fenced(message);
      case DATA_LOSS -> new StorageException.Corrupt(message);
      case NOT_FOUND -> new StorageException.NotFound(message);
      case INVALID_ARGUMENT, OUT_OF_RANGE -> new StorageException.Invalid(message);
      case ALREADY_EXISTS -> new StorageException.Conflict(message);
      case FAILED_PRECONDITION, PERMISSION_DENIED, UNAUTHENTICATED ->
          new StorageException.Precondition(message);
      case UNIMPLEMENTED -> new StorageException.Unsupported(message);
      case OK, CANCELLED, UNKNOWN, DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED, INTERNAL, UNAVAILABLE ->
          new StorageException.Transient(message, status.getCause());
    };
  }
}
