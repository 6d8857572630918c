package io.coppice.safekeeper.server;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.common.objectstore.ObjectStore;
import io.coppice.common.rpc.HostPort;
import io.coppice.proto.v1.StreamWalResponse;
import io.coppice.safekeeper.backup.ArchivedWal;
import io.coppice.safekeeper.client.SafekeeperClient;
import io.coppice.safekeeper.client.WalDownload;
import io.coppice.safekeeper.consensus.DiskFailure;
import io.coppice.safekeeper.wal.BlockRepair;
import io.coppice.safekeeper.wal.DataDirectory;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Repairs damaged blocks with the WAL of other safekeepers, one after the other, and then with that
 * of the object store, which is asked last because it gives out whole segments only.
 */
final class BlockRepairs {
  private final TimelineRegistry registry;
  private final DataDirectory directory;
  private final List<HostPort> peers;
  private final Optional<ObjectStore> store;

  /**
   * Of one safekeeper.
   *
   * @param peers may be none
   */
  BlockRepairs(
      TimelineRegistry registry,
      DataDirectory directory,
      List<HostPort> peers,
      Optional<ObjectStore> store) {
    this.registry = registry;
    this.directory = directory;
    this.peers = peers;
    this.store = store;
  }

  private interface Source {
    byte[] wal(Lsn from, Lsn to) throws StorageException, IOException, InterruptedException;
  }

  /** Repairs a block; returns why nobody's WAL would do, or nothing. */
  String repair(ScrubTarget target, Lsn block)
      throws IOException, InterruptedException, DiskFailure {
    TenantTimelineId id = target.properties().id();
    List<String> problems = new ArrayList<>();
    for (HostPort address : peers) {
      try (SafekeeperClient peer = SafekeeperClient.open(address)) {
        apply(target, block, (from, to) -> download(peer, id, from, to));
        return "";
      } catch (StorageException refused) {
        problems.add("%s: %s".formatted(address, refused.getMessage()));
      }
    }
    if (store.isPresent()) {
      try {
        apply(target, block, (from, to) -> fetch(store.get(), id, from, to));
        return "";
      } catch (StorageException refused) {
        problems.add("object store: " + refused.getMessage());
      }
    }
    return problems.isEmpty()
        ? "no safekeepers are named, and this one has no object store"
        : String.join("; ", problems);
  }

  private void apply(ScrubTarget target, Lsn block, Source source)
      throws StorageException, IOException, InterruptedException, DiskFailure {
    BlockRepair repair = directory.newRepair(target.properties(), block, target.commitLsn());
    repair.apply(source.wal(repair.from(), repair.to()));
  }

  private static byte[] download(SafekeeperClient peer, TenantTimelineId id, Lsn from, Lsn to)
      throws StorageException, IOException, InterruptedException {
    ByteArrayOutputStream wal = new ByteArrayOutputStream();
    try (WalDownload download = peer.downloadFlushed(id, from, to)) {
      for (Optional<StreamWalResponse> piece = download.next();
          piece.isPresent() && wal.size() < to.minus(from);
          piece = download.next()) {
        piece.get().getData().writeTo(wal);
      }
    }
    return wal.toByteArray();
  }

  private byte[] fetch(ObjectStore objects, TenantTimelineId id, Lsn from, Lsn to)
      throws StorageException, IOException {
    ByteBuffer wal = ByteBuffer.allocate((int) to.minus(from));
    try (ArchivedWal archived = new ArchivedWal(objects, registry.open(id).storage())) {
      if (!archived.has(from)) {
        throw new StorageException.NotFound("it does not have the segment of %s".formatted(from));
      }
      while (wal.hasRemaining()) {
        var _ = archived.read(from.plus(wal.position()), wal);
      }
    }
    return wal.array();
  }
}
