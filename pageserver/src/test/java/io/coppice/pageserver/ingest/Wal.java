package io.coppice.pageserver.ingest;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.RelationTag;
import io.coppice.pageserver.fixture.Records;
import io.coppice.pageserver.fixture.Records.Block;
import io.coppice.pageserver.timeline.TimelineKeys;
import io.coppice.postgres.control.CheckPoint;
import io.coppice.postgres.version.PostgresVersion;
import io.coppice.postgres.wal.WalDecoder;
import io.coppice.postgres.wal.WalRecord;
import io.coppice.postgres.wal.WalStreamWriter;
import java.util.ArrayList;
import java.util.List;

/** WAL written by hand into a timeline in a map. */
final class Wal {
  static final Lsn START = Lsn.parse("0/1000028");
  private static final int SEGMENT = 16 << 20;

  final FakeWriter timeline = new FakeWriter(START);
  final List<RelationTag> changed = new ArrayList<>();
  final WalIngest ingest;
  private final WalStreamWriter writer =
      new WalStreamWriter(PostgresVersion.V15, SEGMENT, 7, 1, START, START.plus(-40));
  private final WalDecoder decoder = new WalDecoder(PostgresVersion.V15, SEGMENT, START);
  private final WalRecord record = new WalRecord();

  Wal() {
    this(
        new CheckPoint()
            .setTimeline(1)
            .setNextFullXid(1_000)
            .setNextOid(20_000)
            .setNextMulti(1)
            .setOldestXid(3)
            .setOldestMulti(1));
  }

  Wal(CheckPoint checkPoint) {
    timeline.preset(TimelineKeys.CHECKPOINT, checkPoint.toBytes(PostgresVersion.V15));
    ingest = open();
  }

  private WalIngest open() {
    try {
      return new WalIngest(
          PostgresVersion.V15, timeline, timeline::readPublished, (tag, lsn) -> changed.add(tag));
    } catch (StorageException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Writes a record and takes it in. */
  Lsn record(int resourceManager, int info, int xid, byte[] main, Block... blocks)
      throws StorageException {
    Lsn end = writer.append(resourceManager, info, xid, Records.body(main, blocks));
    byte[] stream = writer.takeBytes();
    decoder.feed(stream, 0, stream.length);
    while (decoder.next(record)) {
      ingest.ingest(record);
    }
    return end;
  }

  CheckPoint checkPoint() throws StorageException {
    byte[] bytes = timeline.getLatest(TimelineKeys.CHECKPOINT).orElseThrow();
    return CheckPoint.read(PostgresVersion.V15, bytes, 0, bytes.length);
  }
}
