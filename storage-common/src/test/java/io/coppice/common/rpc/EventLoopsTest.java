package io.coppice.common.rpc;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.common.util.concurrent.ListenableFuture;
import io.grpc.ManagedChannel;
import io.grpc.health.v1.HealthCheckRequest;
import io.grpc.health.v1.HealthCheckResponse;
import io.grpc.health.v1.HealthGrpc;
import io.micrometer.core.instrument.composite.CompositeMeterRegistry;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(60)
final class EventLoopsTest {
  private static final int LOOPS = 2;
  private static final int CONNECTIONS = 6;

  private final EventLoops loops = new EventLoops("loop", LOOPS);

  /** Whichever it is that is held up, as by a disk that hangs, the other has its share. */
  @ParameterizedTest
  @ValueSource(ints = {0, 1})
  void newConnectionsAreServedWhileOneLoopIsHeldUp(int loop) throws Exception {
    CompletableFuture<Void> goOn = new CompletableFuture<>();
    HostPort any = new HostPort("127.0.0.1", 0);
    try (RpcServer server =
        RpcServer.start(any, List.of(), new CompositeMeterRegistry(), Optional.of(loops))) {
      try {
        holdUp(loop, goOn);
        assertThat(answered(server.port(), 3)).isBetween(1, CONNECTIONS - 1);
      } finally {
        goOn.complete(null);
      }
      assertThat(answered(server.port(), 30)).isEqualTo(CONNECTIONS);
    } finally {
      loops.close();
    }
  }

  /** Tasks go to one loop after the other. */
  private void holdUp(int loop, CompletableFuture<Void> until) {
    for (int i = 0; i < LOOPS; i++) {
      boolean isIt = i == loop;
      CompletableFuture<Void> begun = new CompletableFuture<>();
      loops.later(
          0,
          () -> {
            begun.complete(null);
            if (isIt) {
              until.join();
            }
          });
      begun.join();
    }
  }

  /** How many of the new connections get an answer within so many seconds. */
  private static int answered(int port, long seconds) throws InterruptedException {
    List<ManagedChannel> channels = new ArrayList<>();
    List<ListenableFuture<HealthCheckResponse>> calls = new ArrayList<>();
    for (int i = 0; i < CONNECTIONS; i++) {
      ManagedChannel channel = RpcChannel.open(new HostPort("127.0.0.1", port));
      channels.add(channel);
      calls.add(
          HealthGrpc.newFutureStub(channel)
              .withDeadlineAfter(seconds, TimeUnit.SECONDS)
              .check(HealthCheckRequest.getDefaultInstance()));
    }
    int answered = 0;
    for (ListenableFuture<HealthCheckResponse> call : calls) {
      try {
        call.get();
        answered++;
      } catch (ExecutionException noAnswer) {
        // which is counted
      }
    }
    channels.forEach(ManagedChannel::shutdownNow);
    return answered;
  }
}
