/** Tests of what moves WAL to the object store and back. */
@NullMarked
package io.coppice.safekeeper.backup;

import org.jspecify.annotations.NullMarked;
