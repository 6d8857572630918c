package io.coppice.common.objectstore;

/** An object that is there. */
public record ObjectInfo(String name, long sizeBytes) {}
