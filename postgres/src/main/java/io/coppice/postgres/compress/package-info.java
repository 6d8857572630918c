/**
 * Taking apart what PostgreSQL compressed. Output is bounded by the caller's array, and bytes that
 * are not what they claim to be are a typed error. Nothing here compresses.
 */
@NullMarked
package io.coppice.postgres.compress;

import org.jspecify.annotations.NullMarked;
