package io.coppice.postgres.redo;

/**
 * Whether records that remove items of an index say if its table is a catalog ({@code
 * isCatalogRel}), as they do since 16. Redo has no use for it, but what follows it moves.
 */
enum CatalogMark {
  ABSENT,
  PRESENT
}
