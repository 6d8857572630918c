/** Tests of the package of the same name. */
@NullMarked
package io.coppice.postgres.record;

import org.jspecify.annotations.NullMarked;
