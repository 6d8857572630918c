package io.coppice.postgres.verify;

/** What was seen of one type of record, or of all. */
public final class Counts {
  private long records;
  private long blocks;
  private long imagesCompared;
  private long mismatches;
  private long unsupported;

  /** Records. */
  public long records() {
    return records;
  }

  /** Blocks that redo was applied to, without those set from an image. */
  public long blocks() {
    return blocks;
  }

  /** Images of Postgres that a page was compared with. */
  public long imagesCompared() {
    return imagesCompared;
  }

  public long mismatches() {
    return mismatches;
  }

  /** Blocks that could not be replayed, for their record or for one before it. */
  public long unsupported() {
    return unsupported;
  }

  void addRecord() {
    records++;
  }

  void addBlock() {
    blocks++;
  }

  void addCompared() {
    imagesCompared++;
  }

  void addMismatch() {
    mismatches++;
  }

  void addUnsupported() {
    unsupported++;
  }

  void add(Counts other) {
    records += other.records;
    blocks += other.blocks;
    imagesCompared += other.imagesCompared;
    mismatches += other.mismatches;
    unsupported += other.unsupported;
  }

  @Override
  public String toString() {
    return "%8d records %8d blocks %8d compared %4d mismatches %4d unsupported"
        .formatted(records, blocks, imagesCompared, mismatches, unsupported);
  }
}
