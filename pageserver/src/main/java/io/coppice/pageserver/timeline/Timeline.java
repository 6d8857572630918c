package io.coppice.pageserver.timeline;

import io.coppice.common.error.Invariant;
import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.common.id.WalStart;
import io.coppice.common.key.Key;
import io.coppice.pageserver.layer.LayerDescriptor;
import io.coppice.pageserver.layer.LayerHandle;
import io.coppice.pageserver.layer.LayerName;
import io.coppice.pageserver.layer.LayerSet;
import io.coppice.pageserver.remote.BranchTerm;
import io.coppice.pageserver.remote.DeletionQueue;
import io.coppice.pageserver.remote.DurableIndex;
import io.coppice.pageserver.remote.LayerCache;
import io.coppice.pageserver.remote.TimelineIdentity;
import io.coppice.pageserver.remote.TimelineIndex;
import java.time.Instant;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** One branch of a tenant. Thread safe, except for its writer. */
public final class Timeline {

  private final TimelineEnvironment environment;
  private final TimelineIdentity identity;
  private final DurableIndex index;
  private final LsnClock lsns;
  private final TimelineLayers layers;
  private final OpenLayerWriter writer;
  private final TimelineReader reader;
  private final TimelineFlusher flusher;
  private final LayerCache cache;
  private final LayerReplacement replacement;
  private final HistoryRewrite history;
  private final Upkeep upkeep;
  private volatile @Nullable Timeline ancestor;
  private volatile @Nullable StorageException hold;

  private Timeline(
      TimelineEnvironment environment, TimelineIndex index, @Nullable Timeline ancestor) {
    this.environment = environment;
    this.identity = index.identity();
    this.index = new DurableIndex(environment.remote(), index);
    this.ancestor = ancestor;
    cache =
        new LayerCache(
            environment.remote(),
            index.id(),
            LayerCache.directory(environment.layersDirectory(), index.id()));
    lsns = new LsnClock(new RecordPosition(index.diskConsistentLsn(), index.prevRecordLsn()));
    layers =
        new TimelineLayers(environment, environment.handles(cache, index.id(), index.layers()));
    reader = new TimelineReader(this, environment);
    writer = new OpenLayerWriter(this, environment, lsns, layers);
    flusher = new TimelineFlusher(environment, this.index, cache, layers, writer);
    DeletionQueue deletions = new DeletionQueue(environment.remote(), cache, this.index);
    replacement = new LayerReplacement(environment, this.index, cache, layers, deletions);
    Compaction compaction = new Compaction(environment, this.index, cache, layers, replacement);
    ImageCreation images = new ImageCreation(this, environment, cache, layers, replacement);
    history = new HistoryRewrite(this, environment, cache, layers, replacement);
    upkeep = new Upkeep(this.index, environment, compaction, images, deletions);
  }

  /**
   * Opens a timeline as its index, which is durable, describes it. Opens no file.
   *
   * @param ancestor null for a root
   */
  public static Timeline open(
      TimelineEnvironment environment, TimelineIndex index, @Nullable Timeline ancestor) {
    Invariant.check(
        index.ancestor().equals(Optional.ofNullable(ancestor).map(t -> t.id().timeline())),
        "%s was opened with another ancestor than %s",
        index.id(),
        index.ancestor());
    return new Timeline(environment, index, ancestor);
  }

  public TenantTimelineId id() {
    return identity.id();
  }

  /** Unique in its tenant; may change. */
  public String name() {
    return index.current().name();
  }

  public Instant createdAt() {
    return identity.createdAt();
  }

  /** Where it was branched off; empty for a root, and once it is detached. */
  public Optional<Ancestor> ancestor() {
    return index.current().ancestor().map(timeline -> new Ancestor(timeline, startLsn()));
  }

  /** Where it was branched off, or for a root, the LSN of its import. Its own WAL is after it. */
  public Lsn startLsn() {
    return identity.startLsn();
  }

  public int pgMajor() {
    return identity.pgMajor();
  }

  /** Postgres's system identifier, an unsigned number. */
  public long systemId() {
    return identity.systemId();
  }

  public int walSegmentSizeBytes() {
    return identity.walSegmentSizeBytes();
  }

  /** End of the newest readable record. */
  public Lsn lastRecordLsn() {
    return lsns.last();
  }

  /** Start of the newest readable record; invalid if that is not known. */
  public Lsn prevRecordLsn() {
    return lsns.position().previous();
  }

  /** Both of the newest readable record, of the same moment. */
  public RecordPosition recordPosition() {
    return lsns.position();
  }

  /** Everything at or before it is in files named by a durable index: here WAL starts again. */
  public Lsn diskConsistentLsn() {
    return flusher.durableLsn();
  }

  /** Everything at or before it is in the object store: WAL up to here can be dropped. */
  public Lsn remoteConsistentLsn() {
    return flusher.durableLsn();
  }

  /**
   * Which creation of this timeline on safekeepers counts, or, while none does, one attempt more;
   * durable when this returns.
   */
  public WalStart beginWal() throws StorageException {
    return change(before ->
            before.walStart().isStarted()
                ? before
                : before.with().walStart(before.walStart().next()).build())
        .walStart();
  }

  /**
   * Notes that WAL may be committed from now on, in that creation; durable when this returns.
   *
   * @throws StorageException.Conflict if it is not the newest, or another one was started
   */
  public void startWal(int creation) throws StorageException {
    var _ = change(before -> before.with().walStart(before.walStart().start(creation)).build());
  }

  /** Changes what its index says, durably; see {@link DurableIndex#change}. Blocks. */
  public TimelineIndex change(DurableIndex.Step step) throws StorageException {
    return index.change(step);
  }

  /**
   * Whether it may be used: read, written or branched by those who name it. Reads of its branches
   * through it go on in any case.
   *
   * @throws StorageException.Precondition if it has ended or is archived
   * @throws StorageException.Transient while it is held
   */
  public void checkUsable() throws StorageException {
    checkNotHeld();
    TimelineIndex now = index.current();
    now.term().checkUsable(now.name());
  }

  /** As {@link #checkUsable}, of what may have ended or be archived. */
  public void checkNotHeld() throws StorageException.Transient {
    StorageException held = hold;
    if (held != null) {
      throw new StorageException.Transient(String.valueOf(held.getMessage()), held);
    }
  }

  /** Has {@link #checkUsable} fail for that reason until it is let go of, with null. */
  public void hold(@Nullable StorageException why) {
    hold = why;
  }

  /** What is set about its life. */
  public BranchTerm term() {
    return index.current().term();
  }

  /** Sees to it that this start of the page server has saved the index. */
  public void claim() throws StorageException {
    index.claim();
  }

  /** Its index, as it is durable. */
  public TimelineIndex durableIndex() {
    return index.current();
  }

  /**
   * The oldest LSN that can be read, here or in an ancestor: that of its index, but nothing before
   * the oldest ancestor begins, which may have been detached after the index was written.
   */
  public Lsn readableFrom() {
    Timeline oldest = this;
    for (Timeline next = ancestor; next != null; next = next.ancestor) {
      oldest = next;
    }
    return Lsn.max(index.current().readableFrom(), oldest.startLsn());
  }

  /** Whether a read at that LSN is answered now: neither too old nor yet to come. */
  public boolean isReadableAt(Lsn lsn) {
    return lsn.isAtOrAfter(readableFrom()) && lsn.isAtOrBefore(lastRecordLsn());
  }

  /**
   * Waits until {@link #lastRecordLsn} is at or after an LSN. Blocks the thread: call it from a
   * virtual one.
   *
   * @throws StorageException.Transient if the time is over, the timeline closes, or too many wait
   */
  public void waitForLsn(Lsn lsn, long timeoutMillis)
      throws StorageException, InterruptedException {
    lsns.await(lsn, timeoutMillis);
  }

  /**
   * Has something run once {@link #lastRecordLsn} is at or after an LSN: at once on this thread if
   * it is already, or else later on the writer's thread, so it must only hand over.
   *
   * @return to cancel it, with {@code close}; does nothing if it has run
   * @throws StorageException.Transient if the timeline is closed or too many wait
   */
  public LsnWait onLsn(Lsn lsn, LsnCallback callback) throws StorageException {
    return lsns.onLsn(lsn, callback);
  }

  /**
   * The value of a key as of an LSN, without its kind byte. Records are applied: a page comes as
   * 8192 bytes.
   *
   * @return empty if nothing was written, or it was deleted
   * @throws StorageException.Precondition if the LSN is before {@link #readableFrom} or after
   *     {@link #lastRecordLsn}
   * @throws StorageException.Corrupt if what is stored is damaged or incomplete
   * @throws StorageException.Unsupported if a record of the page cannot be replayed
   */
  public Optional<byte[]> get(Key key, Lsn lsn) throws StorageException {
    checkReadable(lsn);
    return reader.get(key, lsn);
  }

  /**
   * Reads many pages as of one LSN; as {@link #get} otherwise. The first failure ends it.
   *
   * @param keys at most {@link #BATCH_KEYS_MAX}
   */
  public void getPages(List<Key> keys, Lsn lsn, PageConsumer out) throws StorageException {
    checkReadable(lsn);
    reader.getPages(keys, lsn, out);
  }

  /**
   * As {@link #getPages}, through the cache of pages that all timelines share.
   *
   * @param checksums whether pages of relations come with their checksum
   * @param buffers arrays of 8192 bytes; new ones if {@code out} keeps pages
   */
  public void getCachedPages(
      List<Key> keys, Lsn lsn, boolean checksums, Supplier<byte[]> buffers, PageConsumer out)
      throws StorageException {
    checkReadable(lsn);
    reader.getCachedPages(keys, lsn, checksums, buffers, out);
  }

  /** Reads a key as {@link #get} does, and says what that took. */
  public PageExplanation explain(Key key, Lsn lsn) throws StorageException {
    checkReadable(lsn);
    return reader.explain(key, lsn, environment.clock());
  }

  /** Most keys of one batch read. */
  public static final int BATCH_KEYS_MAX = 1024;

  /**
   * The keys of a sparse range that are there as of an LSN, in key order, with their values.
   *
   * @param from sparse, as all keys up to {@code toExclusive}
   */
  public void scan(Key from, Key toExclusive, Lsn lsn, KeyValueConsumer out)
      throws StorageException {
    checkReadable(lsn);
    reader.scan(from, toExclusive, lsn, out);
  }

  /**
   * Whether a read at that LSN needs neither a download nor a wait, here or in ancestors, so that
   * an event loop may do it.
   */
  public boolean canAnswerWithoutBlocking(Lsn lsn) {
    if (lsn.isAfter(lastRecordLsn()) || !layers.isResident()) {
      return false;
    }
    Timeline next = ancestor;
    return next == null || next.canAnswerWithoutBlocking(Lsn.min(lsn, startLsn()));
  }

  /** The writer. There is one; who calls it owns it. */
  public TimelineWriter writer() {
    return writer;
  }

  /**
   * Writes what is in memory to layer files, uploads them, and returns when the durable index names
   * them. What is put meanwhile may or may not be among it.
   */
  public void flush(long timeoutMillis) throws StorageException, InterruptedException {
    Lsn wanted = lastRecordLsn();
    if (flusher.durableLsn().isBefore(wanted)) {
      requestFlush();
      flusher.await(wanted, timeoutMillis);
    }
  }

  /** The layers, newest first. */
  public List<LayerInfo> layers() {
    return layers.describe();
  }

  /** How many layers there are, and how large they are. */
  public LayerStatistics layerStatistics() {
    return layers.statistics();
  }

  /**
   * The layers whose files are here and could go: those that the durable index names, for these the
   * object store has. The caller releases each.
   */
  public List<LayerHandle> acquireEvictable() {
    return layers.acquireResident(index.current().layers());
  }

  /** Bytes of its own layer files. */
  public long layerSizeBytes() {
    return layers.fileSizeBytes();
  }

  /** Bytes of its own layer files that have something at or before an LSN. */
  public long layerSizeBytesUpTo(Lsn lsn) {
    return layers.fileSizeBytesUpTo(lsn);
  }

  private void checkReadable(Lsn lsn) throws StorageException {
    Lsn newest = lastRecordLsn();
    if (lsn.isBefore(readableFrom()) || lsn.isAfter(newest)) {
      throw unreadable(lsn);
    }
  }

  private StorageException.Precondition unreadable(Lsn lsn) {
    return new StorageException.Precondition(
        "LSN %s of %s cannot be read; from %s to %s can"
            .formatted(lsn, id(), readableFrom(), lastRecordLsn()));
  }

  /**
   * To be called between the moment that a reader has its layers and the use of what it found
   * there: before layers go, the LSNs for which they are needed cease to be readable.
   */
  void checkStillReadable(Lsn lsn) throws StorageException.Precondition {
    if (lsn.isBefore(readableFrom())) {
      throw unreadable(lsn);
    }
  }

  /** What it reads from now; null for a root, and once it is detached. */
  public @Nullable Timeline ancestorTimeline() {
    return ancestor;
  }

  /** Begins to take it off its ancestors. */
  public Detachment beginDetachment() {
    return new Detachment(this, environment, cache, replacement);
  }

  /** It has images of its own, which readers see, of all that it read in its ancestors. */
  void endAncestry() {
    ancestor = null;
  }

  boolean isClosed() {
    return layers.isClosed();
  }

  LayerSet acquireLayers() throws StorageException {
    return layers.acquire();
  }

  TimelineReader reader() {
    return reader;
  }

  /** Does the background work that is due, or helps who does. Blocks; failures are met again. */
  public void maintain() throws StorageException {
    flusher.run();
  }

  /** Whether {@link #maintain} has something to do. */
  public boolean isMaintenanceDue() {
    return flusher.isRunDue(lastRecordLsn())
        || writer.isRollDue(layers.newestInMemory(), environment.clock().monotonicMillis());
  }

  /**
   * Does a bounded part of the upkeep of layers that is due, such as deleting what was replaced.
   * Blocks; runs that overlap wait for each other. What fails is tried again after a pause.
   */
  public void upkeep() {
    upkeep.run();
  }

  /** What kept some of the last upkeep from its end; null if nothing did. */
  public @Nullable StorageException upkeepFailure() {
    return upkeep.lastFailure();
  }

  /** Whether {@link #upkeep} has something to do. */
  public boolean isUpkeepDue() {
    return !layers.isClosed() && upkeep.isDue();
  }

  /**
   * Puts layers in the place of others: durably first, then in one step for readers; those who read
   * the old ones go on until they end, and after that their files and objects are deleted by {@link
   * #upkeep}. May be called beside flushes and other replacements.
   *
   * @param gone named by {@link #durableIndex}
   * @param added written, synced and uploaded; may be none
   * @throws StorageException.Conflict if one of {@code gone} is not part of the timeline any more;
   *     then, and after any other failure, those added are deleted
   */
  public void replaceLayers(Collection<LayerName> gone, List<LayerDescriptor> added)
      throws StorageException {
    replacement.replace(gone, added);
  }

  /**
   * Writes layers of history anew without what no needed read looks at, where images have only some
   * of a layer's keys. For garbage collection, after it has dropped whole layers. Blocks.
   *
   * @param needed all LSNs at which this must be readable; may only become fewer meanwhile
   * @param layersMax most layers that are rewritten
   * @param beforeFirst done once, if there is one to rewrite
   * @return how many were
   * @throws StorageException.Conflict if a layer was replaced by another meanwhile
   */
  public int rewriteHistory(NeededLsns needed, int layersMax, Precaution beforeFirst)
      throws StorageException {
    return history.run(needed, layersMax, beforeFirst);
  }

  /** Has what is in memory written soon. */
  void requestFlush() {
    flusher.request();
    environment.maintenance().maintainSoon(this);
  }

  /** Reads every layer file and checks every block. */
  public void verifyLayers() throws StorageException {
    layers.verify();
  }

  /**
   * Closes the timeline: what is not durable is forgotten, waits and calls from now on fail, reads
   * that are under way finish.
   *
   * @return the index as it is durable
   */
  public TimelineIndex close(String why) {
    StorageException closed =
        new StorageException.Transient("timeline %s is closed: %s".formatted(id(), why));
    lsns.close(closed);
    layers.close(closed);
    flusher.stop();
    return index.close();
  }
}
