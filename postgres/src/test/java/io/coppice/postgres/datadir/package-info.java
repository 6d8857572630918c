/** Tests of the package of the same name. */
@NullMarked
package io.coppice.postgres.datadir;

import org.jspecify.annotations.NullMarked;
