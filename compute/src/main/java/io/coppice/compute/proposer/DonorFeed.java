package io.coppice.compute.proposer;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.common.rpc.RpcStatus;
import io.coppice.proto.v1.StartStream;
import io.coppice.proto.v1.StreamWalRequest;
import io.coppice.proto.v1.StreamWalResponse;
import io.grpc.Status;
import io.grpc.stub.ClientCallStreamObserver;
import io.grpc.stub.ClientResponseObserver;
import java.util.ArrayDeque;
import org.jspecify.annotations.Nullable;

/**
 * WAL on its way from a safekeeper that has it to one that lacks it. A few pieces wait here until
 * the receiver has room; no more are asked for before. Guarded by the quorum's lock.
 */
final class DonorFeed implements ClientResponseObserver<StreamWalRequest, StreamWalResponse> {
  private static final int PIECES_WAITING_MAX = 8;

  /** Takes what happens on a feed. */
  interface Owner {
    void fed(SafekeeperLink to, DonorFeed feed, StreamWalResponse piece);

    void starved(SafekeeperLink to, DonorFeed feed, StorageException reason);
  }

  private final SafekeeperLink to;
  private final Owner owner;
  private final ArrayDeque<StreamWalResponse> waiting = new ArrayDeque<>();
  private @Nullable ClientCallStreamObserver<StreamWalRequest> call;

  private DonorFeed(SafekeeperLink to, Owner owner) {
    this.to = to;
    this.owner = owner;
  }

  static DonorFeed start(
      SafekeeperLink donor,
      SafekeeperLink to,
      TenantTimelineId id,
      Lsn from,
      long term,
      Owner owner) {
    DonorFeed feed = new DonorFeed(to, owner);
    StartStream start =
        StartStream.newBuilder()
            .setTenantId(id.tenant().toString())
            .setTimelineId(id.timeline().toString())
            .setStartLsn(from.value())
            .setTerm(term)
            .build();
    donor.stub().streamWal(feed).onNext(StreamWalRequest.newBuilder().setStart(start).build());
    return feed;
  }

  @Override
  public void beforeStart(ClientCallStreamObserver<StreamWalRequest> requests) {
    call = requests;
    requests.disableAutoRequestWithInitial(PIECES_WAITING_MAX);
  }

  @Override
  public void onNext(StreamWalResponse piece) {
    owner.fed(to, this, piece);
  }

  @Override
  public void onError(Throwable failure) {
    owner.starved(to, this, RpcStatus.toException(Status.fromThrowable(failure)));
  }

  @Override
  public void onCompleted() {
    owner.starved(to, this, new StorageException.Transient("the donor ended the stream"));
  }

  void add(StreamWalResponse piece) {
    waiting.add(piece);
  }

  /** The next piece, if one has come; room for another is given to the donor. */
  @Nullable StreamWalResponse poll() {
    StreamWalResponse piece = waiting.poll();
    ClientCallStreamObserver<StreamWalRequest> requests = call;
    if (piece != null && requests != null) {
      requests.request(1);
    }
    return piece;
  }

  void cancel() {
    ClientCallStreamObserver<StreamWalRequest> requests = call;
    if (requests != null) {
      requests.cancel("enough", null);
    }
  }
}
