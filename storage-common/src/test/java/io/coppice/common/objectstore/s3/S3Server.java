package io.coppice.common.objectstore.s3;

import io.coppice.common.objectstore.ObjectStoreUrl;
import io.coppice.common.objectstore.S3Access;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import org.gaul.s3proxy.S3Proxy;
import org.gaul.s3proxy.auth.AuthenticationType;
import org.gaul.s3proxy.blobstore.BlobStore;
import org.gaul.s3proxy.nio2blob.FilesystemNio2BlobStore;
import org.gaul.s3proxy.nio2blob.TransientNio2BlobStore;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.http.apache5.Apache5HttpClient;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.s3.S3Client;

/** A real S3 server on the loopback, S3Proxy, with one bucket. */
public final class S3Server implements AutoCloseable {
  public static final String BUCKET = "coppice-test";
  private static final String ACCESS_KEY = "test-access-key";
  static final String SECRET_KEY = "test-secret-key";

  private final S3Proxy server;

  private S3Server(S3Proxy server) {
    this.server = server;
  }

  /** With a bucket in memory, on a free port. */
  public static S3Server start() throws Exception {
    S3Server started = start(new TransientNio2BlobStore(), 0);
    started.makeBucket();
    return started;
  }

  private static S3Server start(BlobStore store, int port) throws Exception {
    S3Proxy server =
        S3Proxy.builder()
            .blobStore(store)
            .endpoint(URI.create("http://127.0.0.1:" + port))
            .awsAuthentication(AuthenticationType.AWS_V4, ACCESS_KEY, SECRET_KEY)
            // Connections that a test left open are not waited for.
            .stopTimeout(0)
            .build();
    server.start();
    return new S3Server(server);
  }

  /**
   * As a process of its own, until it is ended.
   *
   * @param arguments port, and the directory that buckets are in, which has to be there
   */
  public static void main(String[] arguments) throws Exception {
    Path directory = Path.of(arguments[1]);
    Files.createDirectories(directory.resolve(BUCKET));
    S3Server server =
        start(new FilesystemNio2BlobStore(directory.toString()), Integer.parseInt(arguments[0]));
    Thread.currentThread().join();
    server.close();
  }

  /** The keys, in the form of {@code ~/.aws/credentials}. */
  public static Path writeCredentials(Path file) throws Exception {
    return Files.writeString(
        file,
        "[default]%naws_access_key_id = %s%naws_secret_access_key = %s%n"
            .formatted(ACCESS_KEY, SECRET_KEY));
  }

  public URI endpoint() {
    return URI.create("http://127.0.0.1:" + server.getPort());
  }

  public static ObjectStoreUrl.Bucket bucket(String prefix) {
    return new ObjectStoreUrl.Bucket(BUCKET, prefix);
  }

  /** Short times, so that what hangs is soon noticed. */
  public static S3Access access(URI endpoint, Path credentials) {
    return new S3Access(
        Optional.of(endpoint),
        "us-east-1",
        true,
        Optional.of(credentials),
        Duration.ofSeconds(2),
        Duration.ofSeconds(6),
        8);
  }

  /** Requests that our own code would not make. */
  S3Client client() {
    return S3Client.builder()
        .endpointOverride(endpoint())
        .region(Region.US_EAST_1)
        .forcePathStyle(true)
        .credentialsProvider(
            StaticCredentialsProvider.create(AwsBasicCredentials.create(ACCESS_KEY, SECRET_KEY)))
        .httpClientBuilder(Apache5HttpClient.builder())
        .build();
  }

  private void makeBucket() {
    try (S3Client client = client()) {
      var _ = client.createBucket(bucket -> bucket.bucket(BUCKET));
    }
  }

  @Override
  public void close() {
    try {
      server.stop();
    } catch (Exception e) {
      throw new IllegalStateException("the S3 server does not stop", e);
    }
  }
}
