/**
 * Whole-system tests: the roles as processes of their own, real Postgres servers, kill -9. Knows
 * the system only as a user does: command line, SQL, gRPC, files on disk.
 */
@NullMarked
package io.coppice.it;

import org.jspecify.annotations.NullMarked;
