package io.coppice.pageserver.receiver;

import static org.assertj.core.api.Assertions.assertThat;

import io.coppice.common.id.TenantId;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.common.id.TimelineId;
import io.coppice.common.rpc.HostPort;
import io.coppice.common.rpc.RpcServer;
import io.coppice.proto.v1.DeleteTimelineRequest;
import io.coppice.proto.v1.DeleteTimelineResponse;
import io.coppice.proto.v1.SafekeeperServiceGrpc;
import io.grpc.Status;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Two safekeepers, of which the second refuses some deletions, or is away. */
@Timeout(60)
final class WalDeletionTest {
  private static final TenantTimelineId ONE = id(1);
  private static final TenantTimelineId TWO = id(2);

  private final Keeper first = new Keeper();
  private final Keeper second = new Keeper();
  private WalDeletion deletion;

  private static final class Keeper extends SafekeeperServiceGrpc.SafekeeperServiceImplBase {
    private final List<String> asked = Collections.synchronizedList(new ArrayList<>());
    private final Set<TenantTimelineId> refused = Collections.synchronizedSet(new HashSet<>());
    private @Nullable RpcServer server;
    private int port;

    /** Comes (back) on its port. */
    void listen() throws IOException {
      server = RpcServer.start(new HostPort("127.0.0.1", port), List.of(this));
      port = server.port();
    }

    HostPort address() {
      return new HostPort("127.0.0.1", port);
    }

    void leave() {
      if (server != null) {
        server.close();
      }
    }

    @Override
    public void deleteTimeline(
        DeleteTimelineRequest request, StreamObserver<DeleteTimelineResponse> out) {
      asked.add(request.getTenantId() + "/" + request.getTimelineId());
      if (refused.stream()
          .anyMatch(id -> id.timeline().toString().equals(request.getTimelineId()))) {
        out.onError(Status.UNAVAILABLE.withDescription("is being rebuilt").asRuntimeException());
      } else {
        out.onNext(DeleteTimelineResponse.getDefaultInstance());
        out.onCompleted();
      }
    }
  }

  private static TenantTimelineId id(long timeline) {
    return new TenantTimelineId(new TenantId(9, 9), new TimelineId(timeline, timeline));
  }

  private static String named(TenantTimelineId id) {
    return id.tenant() + "/" + id.timeline();
  }

  @BeforeEach
  void start() throws Exception {
    first.listen();
    second.listen();
    deletion = new WalDeletion(List.of(first.address(), second.address()));
  }

  @AfterEach
  void stop() {
    deletion.close();
    first.leave();
    second.leave();
  }

  @Test
  void isDoneWhereAllHaveDoneIt() {
    second.refused.add(ONE);
    assertThat(deletion.delete(Set.of(ONE, TWO))).containsExactly(TWO);
    assertThat(first.asked).containsExactlyInAnyOrder(named(ONE), named(TWO));
    assertThat(second.asked).containsExactlyInAnyOrder(named(ONE), named(TWO));
    second.refused.clear();
    assertThat(deletion.delete(Set.of(ONE))).containsExactly(ONE);
    assertThat(first.asked).as("it has said so before").hasSize(2);
    assertThat(second.asked).hasSize(3);
  }

  @Test
  void oneThatWasAwayIsToldWhenItIsBack() throws Exception {
    second.leave();
    assertThat(deletion.delete(Set.of(ONE))).isEmpty();
    assertThat(first.asked).containsExactly(named(ONE));
    second.listen();
    while (deletion.delete(Set.of(ONE)).isEmpty()) {
      Thread.sleep(20); // the channel waits before it connects again; the test has a timeout
    }
    assertThat(second.asked).containsExactly(named(ONE));
    assertThat(first.asked).hasSize(1);
  }

  @Test
  void nothingIsLeftWhereNobodyKeepsAny() {
    try (WalDeletion ofNone = new WalDeletion(List.of())) {
      assertThat(ofNone.delete(Set.of(ONE))).containsExactly(ONE);
    }
  }
}
