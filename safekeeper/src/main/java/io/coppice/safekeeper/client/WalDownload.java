package io.coppice.safekeeper.client;

import io.coppice.common.error.StorageException;
import io.coppice.common.rpc.HostPort;
import io.coppice.common.rpc.RpcStatus;
import io.coppice.proto.v1.StartStream;
import io.coppice.proto.v1.StreamWalRequest;
import io.coppice.proto.v1.StreamWalResponse;
import io.grpc.StatusException;
import io.grpc.stub.BlockingClientCall;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** WAL on its way from a safekeeper; a piece is asked for when the one before it was taken. */
public final class WalDownload implements AutoCloseable {
  private static final long PIECE_TIMEOUT_MILLIS = 30_000;

  private final BlockingClientCall<StreamWalRequest, StreamWalResponse> call;
  private final HostPort from;

  private WalDownload(BlockingClientCall<StreamWalRequest, StreamWalResponse> call, HostPort from) {
    this.call = call;
    this.from = from;
  }

  static WalDownload start(
      BlockingClientCall<StreamWalRequest, StreamWalResponse> call,
      StartStream start,
      HostPort from)
      throws StorageException, InterruptedException {
    try {
      call.write(
          StreamWalRequest.newBuilder().setStart(start).build(),
          PIECE_TIMEOUT_MILLIS,
          TimeUnit.MILLISECONDS);
    } catch (StatusException e) {
      throw RpcStatus.toException(e.getStatus());
    } catch (TimeoutException _) {
      throw silent(from);
    }
    return new WalDownload(call, from);
  }

  /** The next piece; empty at the end. */
  public Optional<StreamWalResponse> next() throws StorageException, InterruptedException {
    try {
      return Optional.ofNullable(call.read(PIECE_TIMEOUT_MILLIS, TimeUnit.MILLISECONDS));
    } catch (StatusException e) {
      throw RpcStatus.toException(e.getStatus());
    } catch (TimeoutException _) {
      throw silent(from);
    }
  }

  private static StorageException silent(HostPort from) {
    return new StorageException.Transient(
        "safekeeper %s sent no WAL for %d ms".formatted(from, PIECE_TIMEOUT_MILLIS));
  }

  @Override
  public void close() {
    call.cancel("enough", null);
  }
}
