package io.coppice.postgres.record;

import io.coppice.common.error.StorageException;
import io.coppice.postgres.wal.WalRecord;
import java.util.ArrayList;
import java.util.List;

/** Sets of transactions that hold one row, made and cut ({@code multixact.h}). */
public sealed interface MultixactRecord {

  /** A page of offsets comes to be, all zeros. */
  record ZeroOffsetsPage(int page) implements MultixactRecord {}

  /** A page of members comes to be, all zeros. */
  record ZeroMembersPage(int page) implements MultixactRecord {}

  /**
   * A set comes to be.
   *
   * @param firstMember where its members begin, counted in members through all segments; unsigned
   */
  record Create(int multi, int firstMember, List<Member> members) implements MultixactRecord {
    public Create {
      members = List.copyOf(members);
    }
  }

  /**
   * A transaction of a set.
   *
   * @param status 0 to 5; what the transaction does to the row
   */
  record Member(int xid, int status) {}

  /** Sets from {@code firstMulti} up to {@code endMulti} go away, and so do their members. */
  record Truncate(
      int oldestMultiDatabaseOid, int firstMulti, int endMulti, int firstMember, int endMember)
      implements MultixactRecord {}

  int MEMBER_BYTES = 8;
  int STATUS_MAX = 5;

  static MultixactRecord parse(WalRecord record)
      throws StorageException.Corrupt, StorageException.Unsupported {
    MainData data = new MainData(record);
    RecordFormat format = RecordFormat.of(record.version());
    return switch (record.kind()) {
      case RecordKind.MULTIXACT_ZERO_OFF_PAGE -> new ZeroOffsetsPage(format.slruPage(data));
      case RecordKind.MULTIXACT_ZERO_MEM_PAGE -> new ZeroMembersPage(format.slruPage(data));
      case RecordKind.MULTIXACT_CREATE_ID -> create(data);
      case RecordKind.MULTIXACT_TRUNCATE_ID ->
          new Truncate(data.i32(), data.i32(), data.i32(), data.i32(), data.i32());
      default -> throw MainData.unknownKind(record);
    };
  }

  private static Create create(MainData data) throws StorageException.Corrupt {
    int multi = data.i32();
    int firstMember = data.i32();
    int count = data.count(MEMBER_BYTES);
    List<Member> members = new ArrayList<>(count);
    for (int i = 0; i < count; i++) {
      int xid = data.i32();
      int status = data.i32();
      if (status < 0 || status > STATUS_MAX) {
        throw data.corrupt("a status from 0 to " + STATUS_MAX, Integer.toString(status));
      }
      members.add(new Member(xid, status));
    }
    return new Create(multi, firstMember, members);
  }
}
