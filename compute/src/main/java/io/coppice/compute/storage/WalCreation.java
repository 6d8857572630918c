package io.coppice.compute.storage;

/**
 * An attempt to make a branch on safekeepers.
 *
 * @param started WAL may have been committed in it: it is the one that counts, for good
 */
public record WalCreation(int number, boolean started) {}
