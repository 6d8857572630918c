/** Runs the model checker over the protocol as it is specified in {@code docs/spec}. */
@NullMarked
package io.coppice.spec;

import org.jspecify.annotations.NullMarked;
