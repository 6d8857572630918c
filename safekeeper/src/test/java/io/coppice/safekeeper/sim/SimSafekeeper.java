package io.coppice.safekeeper.sim;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.safekeeper.backup.TimelineWalReader;
import io.coppice.safekeeper.consensus.Acceptor;
import io.coppice.safekeeper.consensus.AcceptorState;
import io.coppice.safekeeper.consensus.Creations;
import io.coppice.safekeeper.consensus.DiskFailure;
import io.coppice.safekeeper.consensus.NodeId;
import io.coppice.safekeeper.consensus.RebuildPlan;
import io.coppice.safekeeper.consensus.Request;
import io.coppice.safekeeper.sim.SimNetwork.Session;
import io.coppice.safekeeper.wal.DataDirectory;
import io.coppice.safekeeper.wal.TimelineStorage;
import io.coppice.testsupport.disk.PowerLost;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Optional;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/**
 * A safekeeper: the production acceptor, control file and segments on a simulated disk; how it
 * ends, starts, and gets back what it has lost.
 */
final class SimSafekeeper {
  private static final int PERSIST_INTERVAL_MICROS = 5_000;

  /** Of the disk. */
  private enum State {
    SOUND,
    /** A bit of it was turned. */
    DAMAGED,
    /** And that was found: it takes part no more. */
    OUT
  }

  /** What a running process has in memory. */
  private record Running(
      DataDirectory directory, @Nullable TimelineStorage storage, @Nullable Acceptor acceptor) {}

  final int index;
  final NodeId node;
  final SafekeeperDisk disk;

  private final World world;
  private final RandomGenerator random;
  private @Nullable Running process;
  private final SimWorker worker;
  private @Nullable SimRebuild rebuild;
  private State state = State.SOUND;

  /** Up to here checksums are durable. */
  private Lsn coveredLsn;

  private long pausedUntil;
  private long slowUntil;

  private int disksHad;

  /** Counts processes, so that what was scheduled for an earlier one does nothing. */
  private int life;

  SimSafekeeper(World world, int index, NodeId node) {
    this.world = world;
    this.index = index;
    this.node = node;
    this.random = world.randoms.of("safekeeper " + node);
    this.disk = new SafekeeperDisk(world, node);
    this.worker = new SimWorker(world, this);
    this.coveredLsn = world.properties.startLsn();
  }

  boolean isUp() {
    return process != null;
  }

  /** The acceptor, if the process is up and has the timeline. */
  Optional<Acceptor> acceptor() {
    Running running = process;
    return running == null ? Optional.empty() : Optional.ofNullable(running.acceptor);
  }

  void start() {
    if (process != null || state == State.OUT) {
      return;
    }
    life++;
    world.trace.add("safekeeper %s starts", node);
    try {
      process = new Running(DataDirectory.open(disk.root(), node), null, null);
      if (opened().isEmpty()) {
        world.oracle.restartedEmpty(this);
      }
      persistLater(life);
    } catch (PowerLost _) {
      world.coverage.mark("ended while starting");
      endInOperation();
    } catch (StorageException.Corrupt found) {
      foundDamage(found);
    } catch (StorageException refused) {
      throw new Violation("safekeeper %s cannot start".formatted(node), refused);
    } catch (IOException failure) {
      kill();
    }
  }

  private void run(DataDirectory directory, TimelineStorage storage)
      throws StorageException.Corrupt {
    Acceptor acceptor = new Acceptor(node, storage.stored(), storage.stateStore(), storage.wal());
    worker.started(acceptor);
    process = new Running(directory, storage, acceptor);
    new SimBackup(world, this, life, storage, acceptor).start();
  }

  /** Whether that is the acceptor of the process that runs. */
  boolean isRunning(Acceptor acceptor) {
    return acceptor().filter(own -> own == acceptor).isPresent();
  }

  /**
   * Whoever finds that its log is damaged takes part no more. Nobody may find what is not there.
   */
  void foundDamage(StorageException.Corrupt found) {
    if (state == State.SOUND) {
      throw new Violation("safekeeper %s is not damaged".formatted(node), found);
    }
    world.trace.add("safekeeper %s finds: %s", node, found.getMessage());
    world.coverage.mark("found its damage");
    state = State.OUT;
    endProcess();
    world.later(1L + random.nextInt(20_000), this::putAside);
  }

  /** An operator has it rebuilt. */
  private void putAside() {
    if (process != null) {
      return;
    }
    try (DataDirectory directory = DataDirectory.open(disk.root(), node)) {
      directory.putAside(world.properties.id());
      forget();
      startLater();
    } catch (PowerLost _) {
      disk.endInOperation();
      world.later(1_000, this::putAside);
    } catch (StorageException | IOException failure) {
      world.later(1_000, this::putAside);
    }
  }

  /** All that was promised is gone. */
  private void forget() {
    state = State.SOUND;
    coveredLsn = world.properties.startLsn();
    world.oracle.log(this).forget();
  }

  int disksHad() {
    return disksHad;
  }

  void loseDisk() {
    disksHad++;
    endProcess();
    disk.replace();
    forget();
    startLater();
  }

  // How it gets back what it has lost.

  private void rebuildLater() {
    if (rebuild == null) {
      rebuild = new SimRebuild(world, this, life);
      rebuild.start();
    }
  }

  void rebuildEnded(SimRebuild ended) {
    if (rebuild == ended) {
      rebuild = null;
    }
  }

  boolean isLife(int other) {
    return life == other && process != null;
  }

  DataDirectory directory() {
    return running().directory;
  }

  /** A rebuild has put the timeline into its place. */
  void rebuilt() throws StorageException, IOException {
    var _ = opened().orElseThrow();
    world.coverage.mark("rebuilt from its peers");
  }

  /** What is on the disk, and was not open: a rebuild may have put it there and then failed. */
  private Optional<Acceptor> opened() throws StorageException, IOException {
    DataDirectory directory = directory();
    Optional<TimelineStorage> storage =
        directory.openTimeline(world.properties.id(), Runnable::run);
    if (storage.isPresent()) {
      run(directory, storage.get());
      world.oracle.restarted(this);
    }
    return acceptor();
  }

  /** Whatever {@code operation} does to the disk; if it ends the process, that is seen to. */
  void onDisk(DiskOperation operation) throws StorageException, IOException {
    try {
      operation.run();
    } catch (PowerLost _) {
      endInOperation();
    } catch (DiskFailure failure) {
      world.trace.add("safekeeper %s stops: %s, %s", node, failure, failure.getCause());
      kill();
    }
  }

  /** Something that may end the process. */
  interface DiskOperation {
    void run() throws StorageException, IOException, DiskFailure;
  }

  /** What a peer is told of this one. */
  Optional<RebuildPlan.Peer> status() {
    return process == null || world.nowMicros() < pausedUntil
        ? Optional.empty()
        : acceptor().map(own -> new RebuildPlan.Peer(node, own.state(), own.flushLsn()));
  }

  /** Raises the generation for a peer that is rebuilt. */
  Optional<RebuildPlan.Peer> raiseGeneration(int generation) {
    if (status().isEmpty()) {
      return Optional.empty();
    }
    try {
      onDisk(() -> {
        acceptor().orElseThrow().raiseGeneration(generation);
        world.oracle.changed(this);
      });
    } catch (StorageException | IOException refused) {
      return Optional.empty();
    }
    return status();
  }

  /** What is durable of this log, whatever it is now, for a peer that copies it. */
  Optional<byte[]> readForPeer(Lsn from, int sizeMax) {
    return acceptor().flatMap(known -> read(from, known.flushLsn(), sizeMax));
  }

  boolean isDamaged() {
    return state != State.SOUND;
  }

  /**
   * Turns a bit of the control file, of the log, or of its checksums. Of a log whose checksums are
   * not synced yet, a loss of power at the same time may make damage look like the end; that much
   * is not promised.
   */
  void damage(RandomGenerator dice) {
    Lsn start =
        acceptor()
            .map(own -> own.state().retention().localStartLsn())
            .orElse(world.properties.startLsn());
    if (!start.isBefore(coveredLsn)) {
      return;
    }
    int length = (int) coveredLsn.minus(start);
    Path directory = timelineDirectory();
    boolean done =
        switch (dice.nextInt(4)) {
          case 0 -> disk.flip(directory.resolve("control"), dice.nextInt(112), dice.nextInt(8));
          case 1 -> {
            Lsn at = start.plus(dice.nextInt(length));
            Path checksums = directory.resolve("wal").resolve(DurableLog.segmentName(at) + ".crc");
            int block = DurableLog.offsetInSegment(at) / 8192;
            yield disk.flip(checksums, 32L + 16L * block + dice.nextInt(16), dice.nextInt(8));
          }
          default -> {
            Lsn at = start.plus(dice.nextInt(length));
            Path segment = directory.resolve("wal").resolve(DurableLog.segmentName(at));
            yield disk.flip(segment, DurableLog.offsetInSegment(at), dice.nextInt(8));
          }
        };
    if (done) {
      state = State.DAMAGED;
      if (dice.nextBoolean()) {
        kill(); // and looks at it in its next start
      }
    }
  }

  private void startLater() {
    world.later(1_000 + random.nextInt(15_000), this::start);
  }

  /** The process ends; the kernel keeps what it has in its cache. */
  void kill() {
    endProcess();
    startLater();
  }

  void losePower() {
    endProcess();
    disk.losePower();
    startLater();
  }

  void endInOperation() {
    endProcess();
    disk.endInOperation();
    startLater();
  }

  private void endProcess() {
    world.trace.add("safekeeper %s ends", node);
    life++;
    process = null;
    rebuild = null;
    worker.ended();
  }

  void pause(long micros) {
    pausedUntil = world.nowMicros() + micros;
  }

  void slowDown(long micros) {
    slowUntil = world.nowMicros() + micros;
  }

  void healAll() {
    pausedUntil = 0;
    slowUntil = 0;
    disk.heal();
    start();
  }

  void receive(Session from, Request request) {
    if (process == null) {
      world.network.close(from, false);
    } else {
      worker.receive(from, request);
    }
  }

  boolean isSlow() {
    return world.nowMicros() < slowUntil;
  }

  /** How long it stands still yet. */
  long pausedMicros() {
    return Math.max(0, pausedUntil - world.nowMicros());
  }

  /** The timeline that a message is about; made now if it is to be. */
  Acceptor acceptorFor(int creation, Request request)
      throws StorageException, IOException, DiskFailure {
    Acceptor known = running().acceptor;
    if (!(request instanceof Request.Greeting greeting)) {
      if (known == null || known.state().properties().creation() != creation) {
        throw new StorageException.Invalid("a proposer's first message must be a greeting");
      }
      return known;
    }
    try {
      return greeted(known, greeting);
    } catch (StorageException.NotFound lost) {
      world.coverage.mark("a timeline that is not there was refused");
      rebuildLater();
      throw lost;
    }
  }

  private Acceptor greeted(@Nullable Acceptor known, Request.Greeting greeting)
      throws StorageException, IOException, DiskFailure {
    if (known == null && rebuild != null) {
      throw new StorageException.Transient("the timeline is being rebuilt");
    }
    Acceptor here = known == null ? opened().orElse(null) : known;
    if (here != null) {
      if (Creations.isMeant(node, here.state(), here.flushLsn(), greeting)) {
        return here;
      }
      world.coverage.mark("an earlier creation gave way");
      giveWay();
    }
    AcceptorState initial = Creations.begin(node, greeting);
    DataDirectory directory = directory();
    run(directory, directory.createTimeline(initial, Runnable::run));
    world.oracle.restarted(this);
    return acceptor().orElseThrow();
  }

  /** What is here, if anything, is not here any more. */
  void giveWay() throws IOException, DiskFailure {
    Running running = running();
    if (running.storage != null) {
      worker.leaveAll();
      process = new Running(running.directory, null, null);
      running.storage.close();
    }
    world.oracle.log(this).giveWay();
    try {
      running.directory.putAside(world.properties.id());
    } catch (IOException failure) {
      throw new DiskFailure("cannot put the timeline aside", failure); // looks in its next start
    }
  }

  private Running running() {
    Running running = process;
    if (running == null) {
      throw new IllegalStateException("safekeeper %s is down".formatted(node));
    }
    return running;
  }

  private void persistLater(int ofLife) {
    world.later(
        PERSIST_INTERVAL_MICROS,
        () -> {
          if (life != ofLife || process == null) {
            return;
          }
          try {
            if (acceptor().isPresent()) {
              acceptor().get().persistPositions();
              coveredLsn = acceptor().get().commitLsn();
            }
            persistLater(ofLife);
          } catch (PowerLost _) {
            endInOperation();
          } catch (DiskFailure failure) {
            kill();
          }
        });
  }

  /** WAL of the log of that term's proposer, as another safekeeper would be fed with. */
  Optional<byte[]> readFlushed(long term, Lsn from, int sizeMax) {
    return acceptor()
        .filter(known -> known.isFollowing(term))
        .flatMap(known -> read(from, known.flushLsn(), sizeMax));
  }

  /** Committed WAL, as a page server would be sent. */
  Optional<byte[]> readCommitted(Lsn from, int sizeMax) {
    return acceptor().flatMap(known -> read(from, known.commitLsn(), sizeMax));
  }

  private Optional<byte[]> read(Lsn from, Lsn end, int sizeMax) {
    TimelineStorage storage = running().storage;
    if (storage == null || !from.isBefore(end)) {
      return Optional.empty();
    }
    byte[] bytes = new byte[(int) Math.min(sizeMax, end.minus(from))];
    boolean isRemoved = storage.newReader().isRemoved(from);
    try (TimelineWalReader reader = new TimelineWalReader(storage, Optional.of(world.store))) {
      int count = reader.read(from, ByteBuffer.wrap(bytes));
      if (isRemoved) {
        world.coverage.mark("read back from the object store");
      }
      return Optional.of(count == bytes.length ? bytes : Arrays.copyOf(bytes, count));
    } catch (StorageException.Corrupt found) {
      foundDamage(found);
      return Optional.empty();
    } catch (PowerLost _) {
      endInOperation();
      return Optional.empty();
    } catch (StorageException | IOException failure) {
      if (isRemoved && !(failure instanceof StorageException.NotFound)) {
        return Optional.empty(); // the object store does not answer, or there is no room
      }
      throw new Violation("safekeeper %s cannot read its WAL at %s".formatted(node, from), failure);
    }
  }

  Path timelineDirectory() {
    return disk.root()
        .resolve("tenants")
        .resolve(world.properties.id().tenant().toString())
        .resolve("timelines")
        .resolve(world.properties.id().timeline().toString());
  }

  @Override
  public String toString() {
    return "safekeeper %s %s".formatted(node, acceptor().map(Acceptor::state).orElse(null));
  }
}
