/**
 * Which tenants and branches there are: creation, names, deletion, and opening them again after a
 * restart. Does not read or write values.
 */
@NullMarked
package io.coppice.pageserver.tenant;

import org.jspecify.annotations.NullMarked;
