package io.coppice.postgres.redo;

/** What a record did to a page. */
enum RedoOutcome {
  /** The page is changed, and its LSN becomes the record's. */
  CHANGED,
  /** The record asks nothing of this page; its LSN stays. */
  UNCHANGED,
  /** Not replayed here: a kind of record, or a block of it, that redo does not know. */
  UNKNOWN
}
