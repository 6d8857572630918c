/** Tests of the life of endpoints. */
@NullMarked
package io.coppice.compute.endpoint;

import org.jspecify.annotations.NullMarked;
