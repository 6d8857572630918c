/**
 * Questions about one timeline that are more than the value of a key: sizes of relations, pages
 * with the rules about ends and gaps, commits by time. Reads only; knows neither gRPC nor files.
 */
@NullMarked
package io.coppice.pageserver.query;

import org.jspecify.annotations.NullMarked;
