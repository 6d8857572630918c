/** Planted: breaks rules on purpose, so that the rules are tested. */
@NullMarked
package io.coppice.house.planted.safekeeper.server;

import org.jspecify.annotations.NullMarked;
