/**
 * A tar of a data directory into the images of a new timeline. Reads files of a server that is shut
 * down; knows neither layers nor gRPC.
 */
@NullMarked
package io.coppice.pageserver.importer;

import org.jspecify.annotations.NullMarked;
