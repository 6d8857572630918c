/** Planted: breaks rules on purpose, so that the rules are tested. */
@NullMarked
package io.coppice.house.planted.pageserver.ingest;

import org.jspecify.annotations.NullMarked;
