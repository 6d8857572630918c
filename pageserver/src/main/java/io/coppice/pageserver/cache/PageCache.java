package io.coppice.pageserver.cache;

import io.coppice.common.error.Invariant;
import io.coppice.common.id.Lsn;
import io.coppice.common.key.Key;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Rebuilt pages of all timelines, off-heap and bounded. Thread safe.
 *
 * <p>An entry says: from this LSN to that one, the page under this key of this timeline is this.
 * That is true for ever, because what a timeline has at an LSN that can be read never changes:
 * flushes, compaction, images and collection of garbage only change how it is stored. So nothing
 * has to be told here when any of these happen, and no entry is ever taken back. A later LSN is
 * another question: who reads at one looks for newer versions, and for those only.
 *
 * <p>An entry belongs to the timeline that has the newest version, not to the one that was read, so
 * branches share what they have in common. A timeline that is opened again is another owner.
 */
public final class PageCache {
  private static final int STRIPES_MAX = 64;
  private static final int STRIPE_SLOTS_MIN = 8;

  private final Stripe[] stripes;
  private final AtomicLong owners = new AtomicLong();
  private final Counter hits;
  private final Counter misses;

  /** Whose pages they are. */
  public record Owner(long number) {}

  /**
   * An empty cache.
   *
   * @param sizeBytesMax with what it takes to find pages; less than a page's is none at all
   */
  public PageCache(long sizeBytesMax, MeterRegistry registry) {
    long slots = sizeBytesMax / Stripe.SLOT_SIZE_BYTES;
    int count = (int) Math.min(STRIPES_MAX, slots / STRIPE_SLOTS_MIN);
    count = slots == 0 ? 0 : Integer.highestOneBit(Math.max(1, count));
    stripes = new Stripe[count];
    for (int i = 0; i < count; i++) {
      stripes[i] = new Stripe(Math.toIntExact(slots / count));
    }
    hits =
        Counter.builder("coppice_pageserver_page_cache_hits")
            .description("Pages that were answered as the page cache had them.")
            .register(registry);
    misses =
        Counter.builder("coppice_pageserver_page_cache_misses")
            .description("Pages that were rebuilt, maybe from an older one in the page cache.")
            .register(registry);
    Gauge.builder("coppice_pageserver_page_cache_size_bytes", this, PageCache::sizeBytes)
        .description("Memory of the pages in the page cache.")
        .register(registry);
  }

  /** A new owner, of nothing. */
  public Owner newOwner() {
    return new Owner(owners.incrementAndGet());
  }

  /**
   * The newest page at or before an LSN; null if there is none here.
   *
   * @param buffers gives the array that the page is copied to, if there is one
   */
  public @Nullable CachedPage find(
      Owner owner, Key key, boolean hasChecksum, Lsn lsn, Supplier<byte[]> buffers) {
    PageKey at = PageKey.of(owner, key, hasChecksum);
    return stripes.length == 0 ? null : stripe(at).find(at, lsn.value(), buffers);
  }

  /**
   * Looks where a page is, so that the processor has it at hand when {@link #find} copies it: of
   * several that are touched first it waits for all at once, and not for one after the other. Takes
   * no lock, as those are what it would wait at.
   *
   * @return no matter what, but to be kept somewhere: else the compiler leaves out the looking
   */
  public int touch(Owner owner, Key key, boolean hasChecksum) {
    PageKey at = PageKey.of(owner, key, hasChecksum);
    return stripes.length == 0 ? 0 : stripe(at).touch(at);
  }

  /**
   * Keeps a copy of a page.
   *
   * @param from the LSN of its newest version
   * @param to an LSN up to which the owner is complete, and has no newer version
   * @param page 8192 bytes
   * @param replaced the {@code from} of an older one that goes for it; invalid for none
   */
  public void put(
      Owner owner, Key key, boolean hasChecksum, Lsn from, Lsn to, byte[] page, Lsn replaced) {
    Invariant.check(from.isAtOrBefore(to), "a page of %s from %s to %s", key, from, to);
    if (stripes.length > 0) {
      PageKey at = PageKey.of(owner, key, hasChecksum);
      stripe(at).put(at, from.value(), to.value(), page, replaced.value());
    }
  }

  /** A page that was found is the newest at a later LSN too. */
  public void extend(Owner owner, Key key, boolean hasChecksum, Lsn from, Lsn to) {
    if (stripes.length > 0) {
      PageKey at = PageKey.of(owner, key, hasChecksum);
      stripe(at).extend(at, from.value(), to.value());
    }
  }

  /** Counts pages that were read. */
  public void count(int hitCount, int missCount) {
    hits.increment(hitCount);
    misses.increment(missCount);
  }

  /** Memory in use. */
  public long sizeBytes() {
    long slots = 0;
    for (Stripe stripe : stripes) {
      slots += stripe.count();
    }
    return slots * Stripe.SLOT_SIZE_BYTES;
  }

  private Stripe stripe(PageKey at) {
    return stripes[(int) (at.hash() >>> 32) & (stripes.length - 1)];
  }
}
