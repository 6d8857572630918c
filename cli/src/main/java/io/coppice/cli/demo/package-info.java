/**
 * {@code coppice demo}: the whole system as a story of about fifteen lines, each with a figure and
 * a check. What it shows it does by the same means as a user: processes, SQL, the command's own
 * parts.
 */
@NullMarked
package io.coppice.cli.demo;

import org.jspecify.annotations.NullMarked;
