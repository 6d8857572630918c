package io.coppice.pageserver.receiver;

import io.coppice.common.id.TenantTimelineId;
import io.coppice.common.rpc.HostPort;
import io.coppice.common.rpc.RpcChannel;
import io.coppice.pageserver.tenant.WalKeepers;
import io.coppice.proto.v1.DeleteTimelineRequest;
import io.coppice.proto.v1.SafekeeperServiceGrpc;
import io.grpc.ManagedChannel;
import io.grpc.StatusRuntimeException;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Has safekeepers delete the WAL of deleted branches. All of them have to: one that is away would
 * come back with it. Remembers who has, so that while one is away the others are not asked again.
 */
public final class WalDeletion implements WalKeepers, AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(WalDeletion.class);

  /** A safekeeper whose call takes longer goes on with it, and answers the next one. */
  private static final long CALL_TIMEOUT_MILLIS = 10_000;

  /** After so many, what follows would most likely wait for the same. */
  private static final int FAILURES_MAX = 3;

  private final List<Keeper> keepers;

  /** Connects when something is to be deleted. */
  public WalDeletion(List<HostPort> safekeepers) {
    this.keepers = safekeepers.stream().map(Keeper::new).toList();
  }

  @Override
  public synchronized Set<TenantTimelineId> delete(Set<TenantTimelineId> branches) {
    Set<TenantTimelineId> gone = new HashSet<>(branches);
    for (Keeper keeper : keepers) {
      keeper.delete(branches);
      gone.retainAll(keeper.deleted);
    }
    return gone;
  }

  @Override
  public void close() {
    keepers.forEach(keeper -> keeper.channel.shutdownNow());
  }

  private static final class Keeper {
    private final HostPort address;
    private final ManagedChannel channel;
    private final Set<TenantTimelineId> deleted = new HashSet<>();
    private boolean isFailing;

    Keeper(HostPort address) {
      this.address = address;
      this.channel = RpcChannel.open(address);
    }

    void delete(Set<TenantTimelineId> branches) {
      deleted.retainAll(branches);
      int failures = 0;
      for (TenantTimelineId branch : branches) {
        if (!deleted.contains(branch) && failures < FAILURES_MAX) {
          failures += isDone(branch) ? 0 : 1;
        }
      }
      isFailing = failures > 0;
    }

    private boolean isDone(TenantTimelineId branch) {
      DeleteTimelineRequest request =
          DeleteTimelineRequest.newBuilder()
              .setTenantId(branch.tenant().toString())
              .setTimelineId(branch.timeline().toString())
              .build();
      try {
        var _ =
            SafekeeperServiceGrpc.newBlockingStub(channel)
                .withDeadlineAfter(CALL_TIMEOUT_MILLIS, TimeUnit.MILLISECONDS)
                .deleteTimeline(request);
        return deleted.add(branch);
      } catch (StatusRuntimeException failure) {
        if (!isFailing) {
          log.warn(
              "safekeeper {} has not deleted the WAL of {}, trying on: {}",
              address,
              branch,
              failure.getStatus());
        }
        return false;
      }
    }
  }
}
