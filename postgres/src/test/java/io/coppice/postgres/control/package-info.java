/** Tests of the package of the same name. */
@NullMarked
package io.coppice.postgres.control;

import org.jspecify.annotations.NullMarked;
