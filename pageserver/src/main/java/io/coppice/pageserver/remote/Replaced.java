package io.coppice.pageserver.remote;

import io.coppice.common.id.TimelineId;

/**
 * The timeline whose name another one took over. That index is saved first, so while both have the
 * same name the older is yet to be renamed.
 *
 * @param keptAs its new name
 */
public record Replaced(TimelineId timeline, String keptAs) {}
