package io.coppice.safekeeper.consensus;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.TenantId;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.common.id.TimelineId;
import org.junit.jupiter.api.Test;

final class CreationsTest {
  private static final Lsn START = new Lsn(1 << 24);
  private static final NodeId NODE = new NodeId(1);

  private static TimelineProperties creation(int number) {
    TenantTimelineId id = new TenantTimelineId(new TenantId(1, 1), new TimelineId(2, 2));
    return new TimelineProperties(id, 15, 42, 1 << 24, START, number);
  }

  private static AcceptorState here(int number) {
    return AcceptorState.initial(creation(number), 0);
  }

  private static Request.Greeting greeting(int number, boolean create) {
    return new Request.Greeting(3, 7, creation(number), create);
  }

  @Test
  void beginsInTheTermAndGenerationOfWhoLetsItBeMade() throws Exception {
    AcceptorState made = Creations.begin(NODE, greeting(2, true));
    assertThat(made.term()).isEqualTo(7);
    assertThat(made.generation()).isEqualTo(3);
    assertThat(made.history().isEmpty()).isTrue();
  }

  @Test
  void beginsNothingUntold() {
    assertThatThrownBy(() -> Creations.begin(NODE, greeting(2, false)))
        .isInstanceOf(StorageException.NotFound.class);
  }

  @Test
  void takesTheSameCreationWithAndWithoutCreate() throws Exception {
    assertThat(Creations.isMeant(NODE, here(2), START, greeting(2, true))).isTrue();
    assertThat(Creations.isMeant(NODE, here(2), START.plus(8), greeting(2, false))).isTrue();
  }

  @Test
  void letsAnEmptyEarlierOneGiveWay() throws Exception {
    assertThat(Creations.isMeant(NODE, here(1), START, greeting(2, true))).isFalse();
  }

  @Test
  void takesAnotherOneForAbsentIfItIsNotToBeMade() {
    assertThatThrownBy(() -> Creations.isMeant(NODE, here(1), START, greeting(2, false)))
        .isInstanceOf(StorageException.NotFound.class);
  }

  @Test
  void keepsWalAndLaterCreations() {
    assertThatThrownBy(() -> Creations.isMeant(NODE, here(1), START.plus(8), greeting(2, true)))
        .isInstanceOf(StorageException.Conflict.class);
    assertThatThrownBy(() -> Creations.isMeant(NODE, here(3), START, greeting(2, true)))
        .isInstanceOf(StorageException.Conflict.class);
  }

  @Test
  void isLostOnlyIfThePeersHaveALaterOne() {
    assertThat(Creations.isLost(here(1), 2)).isTrue();
    assertThat(Creations.isLost(here(2), 2)).isFalse();
    assertThat(Creations.isLost(here(3), 2)).isFalse();
  }
}
