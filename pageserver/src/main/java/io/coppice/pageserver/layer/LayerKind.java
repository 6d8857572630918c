package io.coppice.pageserver.layer;

/** What a layer file holds. */
public enum LayerKind {
  /** The versions of a range of keys in a range of LSNs. */
  DELTA,
  /** Every key of a range that exists at one LSN, as a complete value. */
  IMAGE
}
