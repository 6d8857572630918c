package io.coppice.it.support;

import io.coppice.common.rpc.HostPort;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * A bad network in front of one server. Connections stay open while bytes are held, in one
 * direction or in both, as when packets are dropped; what was held arrives once that is over.
 */
public final class FaultyProxy implements AutoCloseable {
  private static final int BUFFER_SIZE_BYTES = 16 * 1024;

  private final HostPort target;
  private final ServerSocket listener;
  private final Set<Socket> open = ConcurrentHashMap.newKeySet();
  private final AtomicLong heldBytes = new AtomicLong();
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  private boolean requestsHeld;
  private boolean answersHeld;
  private long delayMillis;

  private FaultyProxy(HostPort target, ServerSocket listener) {
    this.target = target;
    this.listener = listener;
  }

  /** Listens on a free port of the loopback. */
  public static FaultyProxy to(HostPort target) throws IOException {
    FaultyProxy proxy =
        new FaultyProxy(target, new ServerSocket(0, 50, InetAddress.getLoopbackAddress()));
    Thread.ofVirtual().start(proxy::accept);
    return proxy;
  }

  public HostPort address() {
    return new HostPort("127.0.0.1", listener.getLocalPort());
  }

  /** Nothing arrives there any more. */
  public void holdRequests() {
    set(true, answersHeld, 0);
  }

  /** Nothing comes back any more. */
  public void holdAnswers() {
    set(requestsHeld, true, 0);
  }

  /** Each piece, in each direction, takes so long; pieces wait for each other. */
  public void delay(long millis) {
    set(false, false, millis);
  }

  /** As good as new. */
  public void heal() {
    set(false, false, 0);
  }

  /** How much was ever held, so that a test can tell that it had something to hold. */
  public long heldBytes() {
    return heldBytes.get();
  }

  private void set(boolean requests, boolean answers, long delay) {
    lock.lock();
    try {
      requestsHeld = requests;
      answersHeld = answers;
      delayMillis = delay;
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  private void accept() {
    while (!listener.isClosed()) {
      try {
        Socket client = listener.accept();
        open.add(client);
        Socket server = new Socket(target.host(), target.port());
        open.add(server);
        Thread.ofVirtual().start(() -> pump(client, server, true));
        Thread.ofVirtual().start(() -> pump(server, client, false));
      } catch (IOException _) {
        closeAll(); // the server is away: so are its connections
      }
    }
  }

  private void pump(Socket from, Socket to, boolean isRequest) {
    try (from;
        to) {
      InputStream in = from.getInputStream();
      OutputStream out = to.getOutputStream();
      byte[] buffer = new byte[BUFFER_SIZE_BYTES];
      int count = in.read(buffer);
      while (count >= 0) {
        pass(isRequest, count);
        out.write(buffer, 0, count);
        count = in.read(buffer);
      }
    } catch (IOException _) {
      // One side hung up; closing tells the other.
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
    } finally {
      open.remove(from);
      open.remove(to);
    }
  }

  private void pass(boolean isRequest, int count) throws InterruptedException {
    lock.lock();
    try {
      if (isRequest ? requestsHeld : answersHeld) {
        heldBytes.addAndGet(count);
      }
      while (isRequest ? requestsHeld : answersHeld) {
        changed.await();
      }
      if (delayMillis > 0) {
        heldBytes.addAndGet(count);
      }
    } finally {
      lock.unlock();
    }
    long delay = delayMillis();
    if (delay > 0) {
      Thread.sleep(delay);
    }
  }

  private long delayMillis() {
    lock.lock();
    try {
      return delayMillis;
    } finally {
      lock.unlock();
    }
  }

  private void closeAll() {
    for (Socket socket : open) {
      try {
        socket.close();
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
    open.clear();
  }

  @Override
  public void close() throws IOException {
    listener.close();
    heal();
    closeAll();
  }
}
