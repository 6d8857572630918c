package io.coppice.pageserver.sim;

import java.util.List;

/** What must have been seen. */
final class Marks {
  private static final List<String> ALL =
      List.of(
          "a branch below the cut-off was refused",
          "a branch of an archived one was not unarchived",
          "a branch of an archived one was refused",
          "a branch that others read from was not archived",
          "a branch was archived",
          "a branch had been detached",
          "a branch was deleted",
          "a branch was detached",
          "a branch was renamed",
          "a branch was replaced",
          "a branch was unarchived",
          "a protected branch was not deleted",
          "a branch was made at depth 0",
          "a branch was made at depth 4",
          "a cut-off moved, held by FLUSH",
          "a cut-off moved, held by HORIZON",
          "a cut-off moved, held by PITR",
          "a file was cut",
          "a file was lost while the page server ran",
          "a flush failed",
          "a flush went well",
          "a page server was followed while it collected garbage",
          "a page server was taken over",
          "a read failed as the object store did",
          "a record was begun and discarded",
          "a stale page server did not detach a branch",
          "a start failed",
          "a wait for an LSN ended",
          "all of the disk was lost",
          "an LSN was leased",
          "an LSN was leased durably",
          "archiving a branch failed",
          "crash",
          "crash within something",
          "deleting a branch failed",
          "deltas were compacted",
          "detaching a branch failed",
          "detaching a branch was refused",
          "garbage collection failed",
          "garbage collection was fenced",
          "garbage of a blocked branch stayed",
          "garbage was dropped",
          "gc was unblocked",
          "images were made",
          "it was in doubt whether a branch was deleted",
          "it was in doubt whether a branch was made",
          "layers were held by a branch",
          "maintenance failed",
          "maintenance went well",
          "making a branch failed",
          "read through 0 ancestors",
          "read through 3 ancestors",
          "reads outside of the window refused",
          "restart",
          "several frozen layers waited",
          "some files were lost",
          "store: get index, not done",
          "store: get layer, not done",
          "store: put generation, done without an answer",
          "store: put index, done without an answer",
          "store: put index, not done",
          "store: put layer, done without an answer",
          "store: put layer, not done");

  private Marks() {}

  static List<String> missing(Coverage seen) {
    return ALL.stream().filter(mark -> seen.marks(mark) == 0).toList();
  }
}
