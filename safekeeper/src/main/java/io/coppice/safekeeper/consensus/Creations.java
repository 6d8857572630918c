package io.coppice.safekeeper.consensus;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;

/**
 * Which creation of a timeline counts on a safekeeper. They are numbered in the order in which
 * attempts to make the timeline began, and WAL is committed in one of them only: the newest when it
 * was. So an empty timeline of an earlier creation gives way, and none ever does to an earlier one.
 */
public final class Creations {

  private Creations() {}

  /**
   * What a safekeeper begins with that does not have the timeline.
   *
   * @throws StorageException.NotFound if the proposer does not let it be made: nobody knows what
   *     this safekeeper has promised about it
   */
  public static AcceptorState begin(NodeId node, Request.Greeting greeting)
      throws StorageException.NotFound {
    if (!greeting.create()) {
      throw new StorageException.NotFound(
          "safekeeper %s does not have timeline %s: its disk is new or was replaced;"
                  .formatted(node, greeting.properties().id())
              + " it has to be rebuilt from its peers");
    }
    return AcceptorState.initial(greeting);
  }

  /**
   * Whether the timeline that is here is the one that the proposer greets about. If not, it is to
   * be put aside, and the other one made.
   *
   * @throws StorageException.NotFound if it is another one, and the proposer does not make it
   * @throws StorageException.Conflict if it does not give way to the proposer's
   */
  public static boolean isMeant(
      NodeId node, AcceptorState here, Lsn flushLsn, Request.Greeting greeting)
      throws StorageException {
    int own = here.properties().creation();
    int wanted = greeting.properties().creation();
    if (own == wanted) {
      return true;
    }
    var _ = begin(node, greeting);
    if (own > wanted || !flushLsn.equals(here.properties().startLsn())) {
      throw new StorageException.Conflict(
          "timeline %s is of creation %d on safekeeper %s and ends at %s; creation %d is over"
              .formatted(here.properties().id(), own, node, flushLsn, wanted));
    }
    return false;
  }

  /** Whether what is here is not what peers have, so that it can be rebuilt from them. */
  public static boolean isLost(AcceptorState here, int creationOfPeers) {
    return here.properties().creation() < creationOfPeers;
  }
}
