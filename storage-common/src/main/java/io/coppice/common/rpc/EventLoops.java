package io.coppice.common.rpc;

import io.grpc.ManagedChannel;
import io.grpc.netty.shaded.io.grpc.netty.NettyServerBuilder;
import io.grpc.netty.shaded.io.netty.channel.EventLoopGroup;
import io.grpc.netty.shaded.io.netty.channel.IoHandlerFactory;
import io.grpc.netty.shaded.io.netty.channel.MultiThreadIoEventLoopGroup;
import io.grpc.netty.shaded.io.netty.channel.epoll.Epoll;
import io.grpc.netty.shaded.io.netty.channel.epoll.EpollIoHandler;
import io.grpc.netty.shaded.io.netty.channel.epoll.EpollServerSocketChannel;
import io.grpc.netty.shaded.io.netty.channel.epoll.EpollSocketChannel;
import io.grpc.netty.shaded.io.netty.channel.nio.NioIoHandler;
import io.grpc.netty.shaded.io.netty.channel.socket.nio.NioServerSocketChannel;
import io.grpc.netty.shaded.io.netty.channel.socket.nio.NioSocketChannel;
import io.grpc.netty.shaded.io.netty.util.concurrent.DefaultThreadFactory;
import io.grpc.netty.shaded.io.netty.util.concurrent.EventExecutor;
import java.util.concurrent.TimeUnit;

/**
 * Threads of one server, or of connections that belong together. Each connection has one of them,
 * which does all that happens on it. Who does not bring its own shares those of gRPC.
 *
 * <p>A change of threads costs more than a short message does. What is to be done about messages
 * can be done here, on the thread that brought them, if it is short. Thread safe.
 */
public final class EventLoops implements AutoCloseable {
  private static final long CLOSE_TIMEOUT_SECONDS = 1;

  private final boolean isEpoll = Epoll.isAvailable();
  private final EventLoopGroup group;

  /** Takes new connections, also while what is done here is held up. */
  private final EventLoopGroup acceptor;

  /**
   * Threads that are started when first used.
   *
   * @param threadName what their names begin with
   */
  public EventLoops(String threadName, int count) {
    group = newGroup(threadName, count);
    acceptor = newGroup(threadName + "-accept", 1);
  }

  private EventLoopGroup newGroup(String threadName, int count) {
    IoHandlerFactory input = isEpoll ? EpollIoHandler.newFactory() : NioIoHandler.newFactory();
    return new MultiThreadIoEventLoopGroup(
        count, new DefaultThreadFactory(threadName, true), input);
  }

  /** As {@link RpcChannel#open}, with its callbacks on these threads. */
  public ManagedChannel open(HostPort address) {
    return RpcChannel.builder(address)
        .eventLoopGroup(group)
        .channelType(isEpoll ? EpollSocketChannel.class : NioSocketChannel.class)
        .build();
  }

  void serve(NettyServerBuilder server) {
    server
        .bossEventLoopGroup(acceptor)
        .workerEventLoopGroup(group)
        .channelType(isEpoll ? EpollServerSocketChannel.class : NioServerSocketChannel.class);
  }

  /**
   * Runs a task on the calling thread, once it has handed on what its connections have brought by
   * now.
   *
   * @return false, and nothing is run, if the calling thread is none of these
   */
  public boolean executeHere(Runnable task) {
    for (EventExecutor loop : group) {
      if (loop.inEventLoop()) {
        loop.execute(task);
        return true;
      }
    }
    return false;
  }

  /**
   * Runs a task on one of these threads, which it must not block.
   *
   * @throws java.util.concurrent.RejectedExecutionException once closed
   */
  public void later(long delayMillis, Runnable task) {
    var _ = group.schedule(task, delayMillis, TimeUnit.MILLISECONDS);
  }

  /** Ends the threads soon, after what they are at; connections are to be shut down before. */
  @Override
  public void close() {
    var _ = acceptor.shutdownGracefully(0, CLOSE_TIMEOUT_SECONDS, TimeUnit.SECONDS);
    var _ = group.shutdownGracefully(0, CLOSE_TIMEOUT_SECONDS, TimeUnit.SECONDS);
  }
}
