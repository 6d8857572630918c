/** Tests of the package of the same name. */
@NullMarked
package io.coppice.postgres.compress;

import org.jspecify.annotations.NullMarked;
