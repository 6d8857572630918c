/** Tests of what a page server keeps in the object store. */
@NullMarked
package io.coppice.pageserver.remote;

import org.jspecify.annotations.NullMarked;
