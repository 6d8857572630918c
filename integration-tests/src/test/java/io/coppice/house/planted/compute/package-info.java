/** Planted: breaks rules on purpose, so that the rules are tested. */
@NullMarked
package io.coppice.house.planted.compute;

import org.jspecify.annotations.NullMarked;
