/**
 * Little-endian numbers in byte arrays, as PostgreSQL writes them on the machines we support.
 * Nothing here knows a format.
 */
@NullMarked
package io.coppice.postgres.bytes;

import org.jspecify.annotations.NullMarked;
