package io.coppice.common.objectstore;

import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;

/**
 * How an S3 server is talked to. Holds no secret.
 *
 * @param endpoint the server; that of AWS for the region if empty
 * @param region that requests are signed for
 * @param pathStyle whether the bucket is in the path and not in the host name
 * @param credentialsFile keys in the form of {@code ~/.aws/credentials}, profile {@code default};
 *     the chain of the AWS SDK if empty
 * @param attemptTimeout for one try of a request
 * @param callTimeout for all tries of a request, with the pauses between them
 * @param requestsMax under way at once
 */
public record S3Access(
    Optional<URI> endpoint,
    String region,
    boolean pathStyle,
    Optional<Path> credentialsFile,
    Duration attemptTimeout,
    Duration callTimeout,
    int requestsMax) {

  /** AWS, with its own chain of credentials. */
  public static final S3Access DEFAULTS =
      new S3Access(
          Optional.empty(),
          "us-east-1",
          false,
          Optional.empty(),
          Duration.ofSeconds(10),
          Duration.ofSeconds(60),
          32);

  /** Where requests go, for messages. */
  public String server() {
    return endpoint.map(URI::toString).orElse("AWS in " + region);
  }
}
