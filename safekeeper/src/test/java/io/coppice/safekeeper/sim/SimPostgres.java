package io.coppice.safekeeper.sim;

import io.coppice.common.id.Lsn;
import io.coppice.postgres.wal.WalStreamWriter;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.random.RandomGenerator;

/** The WAL of one compute from its start on: valid records with random contents. */
final class SimPostgres {
  private static final int TIMELINE = 1;
  private static final int RECORDS_MAX = 400;
  private static final int RESOURCE_MANAGER_HEAP = 10;
  private static final int SWITCH_BYTES_MAX = 12 * 1024;

  private final World world;
  private final int compute;
  private final RandomGenerator random;
  private final WalStreamWriter writer;
  private final Lsn begin;
  private final int segmentSizeBytes;
  private byte[] bytes = new byte[0];
  private int length;
  private int records;

  SimPostgres(World world, SimCompute compute, RandomGenerator random) {
    this.world = world;
    this.compute = compute.number;
    this.random = random;
    this.begin = compute.proposer().startLsn();
    this.segmentSizeBytes = world.properties.walSegmentSizeBytes();
    this.writer =
        new WalStreamWriter(
            World.VERSION,
            segmentSizeBytes,
            World.SYSTEM_ID,
            TIMELINE,
            begin,
            world.oracle.lastRecordBefore(compute));
  }

  Lsn begin() {
    return begin;
  }

  Lsn end() {
    return begin.plus(length);
  }

  boolean hasRecords() {
    return records > 0;
  }

  /** Makes a few records; false if there are enough. */
  boolean makeRecords() {
    if (records >= RECORDS_MAX) {
      return false;
    }
    int count = 1 + random.nextInt(4);
    for (int i = 0; i < count; i++) {
      Lsn made;
      long left =
          segmentSizeBytes - Long.remainderUnsigned(writer.position().value(), segmentSizeBytes);
      if (left < SWITCH_BYTES_MAX && random.nextInt(20) == 0) {
        made = writer.appendSwitch();
      } else {
        made = writer.append(RESOURCE_MANAGER_HEAP, 0, 7, body(size()));
      }
      world.oracle.made(compute, writer.previousRecordStart(), made);
    }
    records += count;
    byte[] made = writer.takeBytes();
    if (length + made.length > bytes.length) {
      bytes = Arrays.copyOf(bytes, 2 * (length + made.length));
    }
    System.arraycopy(made, 0, bytes, length, made.length);
    length += made.length;
    return true;
  }

  private int size() {
    int dice = random.nextInt(100);
    if (dice < 92) {
      return 1 + random.nextInt(200);
    }
    return dice < 99 ? 200 + random.nextInt(1_500) : 9_000 + random.nextInt(6_000);
  }

  /** A record body of main data only: short form up to 255 bytes, else long form. */
  private byte[] body(int size) {
    byte[] data = new byte[size];
    random.nextBytes(data);
    boolean isShort = size < 256;
    ByteBuffer body = ByteBuffer.allocate((isShort ? 2 : 5) + size).order(ByteOrder.LITTLE_ENDIAN);
    if (isShort) {
      body.put((byte) 255).put((byte) size);
    } else {
      body.put((byte) 254).putInt(size);
    }
    return body.put(data).array();
  }

  byte[] read(Lsn from, int sizeMax) {
    int offset = (int) from.minus(begin);
    return Arrays.copyOfRange(bytes, offset, Math.min(length, offset + sizeMax));
  }
}
