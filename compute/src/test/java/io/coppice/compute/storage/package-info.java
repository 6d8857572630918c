/** Tests of the client, against servers of the same wire. */
@NullMarked
package io.coppice.compute.storage;

import org.jspecify.annotations.NullMarked;
