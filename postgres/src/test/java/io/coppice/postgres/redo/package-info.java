/** Redo of hand-made values. */
@NullMarked
package io.coppice.postgres.redo;

import org.jspecify.annotations.NullMarked;
