/** Plants mistakes in production classes, to see whether tests find them. */
@NullMarked
package io.coppice.testsupport.mutant;

import org.jspecify.annotations.NullMarked;
