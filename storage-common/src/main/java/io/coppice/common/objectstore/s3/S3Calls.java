package io.coppice.common.objectstore.s3;

import io.coppice.common.error.StorageException;
import io.coppice.common.objectstore.S3Access;
import java.net.URI;
import java.time.Duration;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.IntConsumer;
import software.amazon.awssdk.auth.credentials.AwsCredentialsProvider;
import software.amazon.awssdk.awscore.AwsRequestOverrideConfiguration;
import software.amazon.awssdk.awscore.retry.AwsRetryStrategy;
import software.amazon.awssdk.core.checksums.RequestChecksumCalculation;
import software.amazon.awssdk.core.checksums.ResponseChecksumValidation;
import software.amazon.awssdk.core.metrics.CoreMetric;
import software.amazon.awssdk.http.apache5.Apache5HttpClient;
import software.amazon.awssdk.metrics.MetricCollection;
import software.amazon.awssdk.metrics.MetricPublisher;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.retries.StandardRetryStrategy;
import software.amazon.awssdk.retries.api.BackoffStrategy;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.S3ClientBuilder;
import software.amazon.awssdk.services.s3.S3Configuration;

/**
 * Calls of one S3 server, with what they all have: a limit of how many are under way, time limits,
 * retries, and the kinds of failure. Thread safe.
 *
 * <p>A call may take a fixed time, and a second for each MiB of its content: a limit of time that
 * is right for a small document would cut off every large layer on a slow line.
 */
final class S3Calls implements AutoCloseable {
  /** More than there is time for, as a rule: the deadline of the call is the limit. */
  private static final int ATTEMPTS_MAX = 10;

  private static final Duration PAUSE = Duration.ofMillis(100);
  private static final Duration PAUSE_MAX = Duration.ofSeconds(5);
  private static final Duration PAUSE_AT_OVERLOAD = Duration.ofMillis(500);
  private static final Duration PAUSE_AT_OVERLOAD_MAX = Duration.ofSeconds(10);
  private static final int BYTES_PER_SECOND_MIN = 1 << 20;

  private final S3Client client;
  private final S3Failures failures;
  private final S3Access access;
  private final Semaphore free;

  /** What is done with the client, within the limits of time. */
  @FunctionalInterface
  interface Call<T> {
    T run(S3Client client, Consumer<AwsRequestOverrideConfiguration.Builder> limits)
        throws StorageException;
  }

  private S3Calls(S3Client client, S3Failures failures, S3Access access) {
    this.client = client;
    this.failures = failures;
    this.access = access;
    this.free = new Semaphore(access.requestsMax(), true);
  }

  /** Connects to nothing yet, but finds the credentials. */
  static S3Calls open(S3Access access, String bucket, IntConsumer onRetries)
      throws StorageException {
    AwsCredentialsProvider credentials = S3Credentials.find(access);
    S3ClientBuilder builder =
        S3Client.builder()
            .region(Region.of(access.region()))
            .credentialsProvider(credentials)
            .forcePathStyle(access.pathStyle())
            // Not all servers know checksums in trailers; ours go in Content-MD5 and in metadata.
            .requestChecksumCalculation(RequestChecksumCalculation.WHEN_REQUIRED)
            .responseChecksumValidation(ResponseChecksumValidation.WHEN_REQUIRED)
            // Nor signed chunks; the whole content is signed instead, or TLS vouches for it.
            .serviceConfiguration(S3Configuration.builder().chunkedEncodingEnabled(false).build())
            .httpClientBuilder(
                Apache5HttpClient.builder()
                    .maxConnections(access.requestsMax())
                    .connectionTimeout(access.attemptTimeout())
                    .socketTimeout(access.attemptTimeout())
                    .tcpKeepAlive(true))
            .overrideConfiguration(override ->
                override.retryStrategy(retries()).addMetricPublisher(new RetryCount(onRetries)));
    access.endpoint().ifPresent((URI endpoint) -> builder.endpointOverride(endpoint));
    return new S3Calls(builder.build(), new S3Failures(access, bucket), access);
  }

  private static StandardRetryStrategy retries() {
    return AwsRetryStrategy.standardRetryStrategy().toBuilder()
        .maxAttempts(ATTEMPTS_MAX)
        .backoffStrategy(BackoffStrategy.exponentialDelay(PAUSE, PAUSE_MAX))
        .throttlingBackoffStrategy(
            BackoffStrategy.exponentialDelay(PAUSE_AT_OVERLOAD, PAUSE_AT_OVERLOAD_MAX))
        // Callers have deadlines of their own, and try again anyway.
        .circuitBreakerEnabled(false)
        .retryOnException(S3Failures::mayPass)
        .build();
  }

  /** Passes on how often calls were tried again. */
  private record RetryCount(IntConsumer onRetries) implements MetricPublisher {
    @Override
    public void publish(MetricCollection ofCall) {
      for (int retries : ofCall.metricValues(CoreMetric.RETRY_COUNT)) {
        if (retries > 0) {
          onRetries.accept(retries);
        }
      }
    }

    @Override
    public void close() {}
  }

  /**
   * Does one thing.
   *
   * @param doing for messages, such as "reading"
   * @param what the object, for messages
   * @param contentSizeBytes how much is moved, or may be
   */
  <T> T call(String doing, String what, long contentSizeBytes, Call<T> call)
      throws StorageException {
    Duration forContent = Duration.ofSeconds(contentSizeBytes / BYTES_PER_SECOND_MIN);
    begin(doing, what);
    try {
      return call.run(
          client,
          limits ->
              limits
                  .apiCallAttemptTimeout(access.attemptTimeout().plus(forContent))
                  .apiCallTimeout(access.callTimeout().plus(forContent)));
    } catch (RuntimeException e) {
      // Not all that the SDK throws is an SdkException: an answer that breaks off may be none.
      throw failures.of(doing, what, e);
    } finally {
      free.release();
    }
  }

  private void begin(String doing, String what) throws StorageException {
    try {
      if (!free.tryAcquire(access.callTimeout().toMillis(), TimeUnit.MILLISECONDS)) {
        throw failures.busy(doing, what);
      }
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
      throw failures.interrupted(doing, what);
    }
  }

  @Override
  public void close() {
    client.close();
  }
}
