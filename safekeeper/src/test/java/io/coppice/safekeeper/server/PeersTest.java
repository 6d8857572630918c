package io.coppice.safekeeper.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.coppice.common.error.StorageException;
import io.coppice.common.rpc.HostPort;
import io.coppice.safekeeper.consensus.NodeId;
import java.util.List;
import org.junit.jupiter.api.Test;

final class PeersTest {
  private static final NodeId SELF = new NodeId(1);
  private static final HostPort SECOND = new HostPort("127.0.0.1", 7102);
  private static final HostPort THIRD = new HostPort("127.0.0.1", 7103);

  @Test
  void bothOthersOfThreeHaveToAnswer() throws StorageException {
    try (Peers peers = Peers.open(SELF, List.of(SECOND, THIRD))) {
      assertThat(peers.needed()).isEqualTo(2);
    }
  }

  @Test
  void refusesToTakeTheSetForSmallerThanItCanBe() {
    assertThatThrownBy(() -> Peers.open(SELF, List.of(SECOND)))
        .isInstanceOf(StorageException.Invalid.class)
        .hasMessage("1 peers (expected all other safekeepers, 2 to 8)");
  }

  @Test
  void refusesAPeerThatIsNamedTwice() {
    assertThatThrownBy(() -> Peers.open(SELF, List.of(SECOND, SECOND)))
        .isInstanceOf(StorageException.Invalid.class)
        .hasMessageContaining("named twice");
  }
}
