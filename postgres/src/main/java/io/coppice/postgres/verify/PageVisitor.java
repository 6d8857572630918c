package io.coppice.postgres.verify;

import io.coppice.common.id.RelationTag;

/** Is shown pages, one after another. */
@FunctionalInterface
public interface PageVisitor {
  /**
   * A page.
   *
   * @param page not to be changed
   */
  void visit(RelationTag fork, int block, byte[] page);
}
