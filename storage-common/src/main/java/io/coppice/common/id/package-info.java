/**
 * Identities and positions: LSNs, tenant and timeline ids, relations. Pure values; nothing here
 * does I/O or reads a clock.
 */
@NullMarked
package io.coppice.common.id;

import org.jspecify.annotations.NullMarked;
