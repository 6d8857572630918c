/**
 * What is durable in the object store: names of objects, the index of a timeline, uploads and
 * downloads, generations. Does not know what the layers hold.
 */
@NullMarked
package io.coppice.pageserver.remote;

import org.jspecify.annotations.NullMarked;
