package io.coppice.pageserver.ingest;

import io.coppice.common.error.StorageException;
import io.coppice.pageserver.query.TimelineReader;
import io.coppice.pageserver.timeline.TimelineKeys;
import io.coppice.postgres.record.MultixactRecord;
import io.coppice.postgres.redo.SlruPages;
import io.coppice.postgres.redo.StoredValues;
import io.coppice.postgres.wal.WalRecord;
import java.util.List;

/** Multixacts: where their members begin, and the members ({@code multixact.c}). */
final class MultixactIngest {
  /** {@code FirstMultiXactId}. */
  private static final int FIRST_MULTI = 1;

  private static final int LAST_MULTI = -1;

  private static final int LAST_MEMBERS_SEGMENT =
      SlruPages.memberPage(-1) / TimelineReader.SLRU_PAGES_PER_SEGMENT;

  private final ValueSink sink;
  private final Slrus slrus;
  private final CheckPointState checkPoint;

  MultixactIngest(ValueSink sink, Slrus slrus, CheckPointState checkPoint) {
    this.sink = sink;
    this.slrus = slrus;
    this.checkPoint = checkPoint;
  }

  void ingest(WalRecord record) throws StorageException {
    switch (MultixactRecord.parse(record)) {
      case MultixactRecord.ZeroOffsetsPage(int page) ->
          slrus.zeroPage(TimelineKeys.SLRU_MULTIXACT_OFFSETS, page);
      case MultixactRecord.ZeroMembersPage(int page) ->
          slrus.zeroPage(TimelineKeys.SLRU_MULTIXACT_MEMBERS, page);
      case MultixactRecord.Create create -> create(create);
      case MultixactRecord.Truncate truncate -> truncate(truncate);
    }
  }

  private void create(MultixactRecord.Create create) throws StorageException {
    putOffsets(create);
    putMembers(create.firstMember(), create.members());
    for (MultixactRecord.Member member : create.members()) {
      checkPoint.sawXid(member.xid());
    }
    checkPoint.sawMulti(create.multi() + 1, create.firstMember() + create.members().size());
  }

  /** Also where the next multixact begins, as servers since 15.16 write it in the same step. */
  private void putOffsets(MultixactRecord.Create create) throws StorageException {
    int multi = create.multi();
    int next = multi == LAST_MULTI ? FIRST_MULTI : multi + 1;
    int nextOffset = create.firstMember() + create.members().size();
    if (nextOffset == 0) {
      nextOffset = 1; // Zero means "not set".
    }
    int page = SlruPages.offsetPage(multi);
    int nextPage = SlruPages.offsetPage(next);
    if (nextPage == page) {
      StoredValues.encodeMultixactOffset(sink.scratch(), multi, create.firstMember(), nextOffset);
      slrus.putChange(TimelineKeys.SLRU_MULTIXACT_OFFSETS, page);
      return;
    }
    StoredValues.encodeMultixactOffset(sink.scratch(), multi, create.firstMember());
    slrus.putChange(TimelineKeys.SLRU_MULTIXACT_OFFSETS, page);
    if (slrus.exists(TimelineKeys.SLRU_MULTIXACT_OFFSETS, nextPage)) {
      StoredValues.encodeMultixactOffset(sink.scratch(), next, nextOffset);
      slrus.putChange(TimelineKeys.SLRU_MULTIXACT_OFFSETS, nextPage);
    }
  }

  /** One value for each page of members. Offsets go round at 2^32. */
  private void putMembers(int firstMember, List<MultixactRecord.Member> members)
      throws StorageException {
    int index = 0;
    while (index < members.size()) {
      int page = SlruPages.memberPage(firstMember + index);
      StoredValues.startMultixactMembers(sink.scratch(), firstMember + index);
      while (index < members.size() && SlruPages.memberPage(firstMember + index) == page) {
        MultixactRecord.Member member = members.get(index);
        StoredValues.addMultixactMember(sink.scratch(), member.xid(), member.status());
        index++;
      }
      slrus.putChange(TimelineKeys.SLRU_MULTIXACT_MEMBERS, page);
    }
  }

  private void truncate(MultixactRecord.Truncate truncate) throws StorageException {
    checkPoint.advanceOldestMulti(truncate.endMulti(), truncate.oldestMultiDatabaseOid());
    int segment = membersSegment(truncate.firstMember());
    int endSegment = membersSegment(truncate.endMember());
    while (segment != endSegment) {
      slrus.deleteSegment(TimelineKeys.SLRU_MULTIXACT_MEMBERS, segment);
      segment = segment == LAST_MEMBERS_SEGMENT ? 0 : segment + 1;
    }
    // One step back, because the page of the first one kept need not exist yet.
    int lastGone = truncate.endMulti() == FIRST_MULTI ? LAST_MULTI : truncate.endMulti() - 1;
    slrus.truncateMultixactOffsets(
        SlruPages.offsetPage(lastGone), SlruPages.offsetPage(checkPoint.nextMulti()));
  }

  private static int membersSegment(int member) {
    return SlruPages.memberPage(member) / TimelineReader.SLRU_PAGES_PER_SEGMENT;
  }
}
