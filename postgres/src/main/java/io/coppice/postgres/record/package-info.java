/**
 * What WAL records mean: the resource managers, their kinds of records, and the main data of those
 * whose effects are not on pages alone. Nothing here changes a page or knows storage.
 */
@NullMarked
package io.coppice.postgres.record;

import org.jspecify.annotations.NullMarked;
