/**
 * Named immutable objects that outlive machines, and the implementation in a local directory. Knows
 * nothing of what the objects are.
 */
@NullMarked
package io.coppice.common.objectstore;

import org.jspecify.annotations.NullMarked;
