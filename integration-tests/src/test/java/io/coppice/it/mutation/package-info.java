/**
 * Proof that the proof of redo can fail: defects are planted in the byte code of redo, one at a
 * time, and what proves redo over real WAL must notice.
 */
@NullMarked
package io.coppice.it.mutation;

import org.jspecify.annotations.NullMarked;
