package io.coppice.common.objectstore.s3;

import io.coppice.common.error.StorageException;
import io.coppice.common.objectstore.ObjectInfo;
import io.coppice.common.objectstore.ObjectStoreUrl;
import io.coppice.common.objectstore.S3Access;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.IntConsumer;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;
import software.amazon.awssdk.core.sync.ResponseTransformer;
import software.amazon.awssdk.services.s3.model.GetObjectResponse;
import software.amazon.awssdk.services.s3.model.HeadObjectResponse;
import software.amazon.awssdk.services.s3.model.ListObjectsV2Response;
import software.amazon.awssdk.services.s3.model.PutObjectRequest;
import software.amazon.awssdk.services.s3.model.S3Exception;

/** The requests themselves, for names below the prefix. Thread safe. */
final class S3Objects implements AutoCloseable {
  /** Most documents are smaller; who asks for a larger one asks twice. */
  private static final long SMALL_SIZE_BYTES = 1 << 20;

  private static final String WRITING = "writing";
  private static final String READING = "reading";
  private static final String LISTING = "listing";

  private final S3Calls calls;
  private final ObjectStoreUrl.Bucket bucket;
  private final RandomGenerator random;

  private S3Objects(S3Calls calls, ObjectStoreUrl.Bucket bucket, RandomGenerator random) {
    this.calls = calls;
    this.bucket = bucket;
    this.random = random;
  }

  static S3Objects open(ObjectStoreUrl.Bucket bucket, S3Access access, RandomGenerator random)
      throws StorageException {
    return open(bucket, access, random, _ -> {});
  }

  static S3Objects open(
      ObjectStoreUrl.Bucket bucket, S3Access access, RandomGenerator random, IntConsumer onRetries)
      throws StorageException {
    return new S3Objects(S3Calls.open(access, bucket.name(), onRetries), bucket, random);
  }

  ObjectStoreUrl.Bucket bucket() {
    return bucket;
  }

  /** A text that nobody else has. */
  String unique() {
    HexFormat hex = HexFormat.of();
    return hex.toHexDigits(random.nextLong()) + hex.toHexDigits(random.nextLong());
  }

  void put(String name, Content content) throws StorageException {
    var _ = put(name, content, unique(), _ -> {});
  }

  /**
   * Writes if there is nothing. When an answer was lost the next try finds what the first one made;
   * so who finds something looks whether it is its own.
   */
  boolean putIfAbsent(String name, Content content) throws StorageException {
    String writer = unique();
    if (put(name, content, writer, request -> request.ifNoneMatch("*"))) {
      return true;
    }
    HeadObjectResponse there =
        head(name)
            .orElseThrow(() ->
                new StorageException.Transient(
                    "object %s was there when it was to be written, and is not there any more"
                        .formatted(name)));
    return ObjectMetadata.of(there.metadata())
        .filter(metadata -> metadata.writer().equals(writer))
        .isPresent();
  }

  /** False if a condition did not hold. */
  private boolean put(
      String name, Content content, String writer, Consumer<PutObjectRequest.Builder> condition)
      throws StorageException {
    return calls.call(
        WRITING,
        name,
        content.sizeBytes(),
        (client, limits) -> {
          try {
            var _ =
                client.putObject(
                    request ->
                        request
                            .bucket(bucket.name())
                            .key(key(name))
                            .contentMD5(content.md5())
                            .metadata(new ObjectMetadata(content.crc32c(), writer).toMap())
                            .overrideConfiguration(limits)
                            .applyMutation(condition),
                    content.body());
            return true;
          } catch (S3Exception e) {
            if (e.statusCode() == S3Failures.PRECONDITION_FAILED) {
              return false;
            }
            throw e;
          }
        });
  }

  Optional<HeadObjectResponse> head(String name) throws StorageException {
    try {
      return Optional.of(
          calls.call(
              READING,
              name,
              0,
              (client, limits) ->
                  client.headObject(request ->
                      request.bucket(bucket.name()).key(key(name)).overrideConfiguration(limits))));
    } catch (StorageException.NotFound _) {
      return Optional.empty();
    }
  }

  byte[] get(String name) throws StorageException {
    CheckedBody body = new CheckedBody(name);
    try {
      return get(name, SMALL_SIZE_BYTES, body.toBytes(SMALL_SIZE_BYTES));
    } catch (StorageException.Transient e) {
      long sizeBytes = body.announcedSizeBytes();
      if (sizeBytes <= SMALL_SIZE_BYTES) {
        throw e;
      }
      return get(name, sizeBytes, body.toBytes(sizeBytes));
    }
  }

  /** Within the time for that many bytes. */
  private <T> T get(String name, long sizeBytes, ResponseTransformer<GetObjectResponse, T> into)
      throws StorageException {
    return calls.call(
        READING,
        name,
        sizeBytes,
        (client, limits) ->
            client.getObject(
                request ->
                    request.bucket(bucket.name()).key(key(name)).overrideConfiguration(limits),
                into));
  }

  void getToFile(String name, Path file) throws StorageException {
    // Only to know how long it may take. If there is nothing, the request below says why.
    long sizeBytes = head(name).map(HeadObjectResponse::contentLength).orElse(0L);
    var _ = get(name, sizeBytes, new CheckedBody(name).toFile(file));
  }

  /** Names below a prefix, with their sizes. */
  List<ObjectInfo> list(String prefix) throws StorageException {
    List<ObjectInfo> found = new ArrayList<>();
    pages(
        prefix,
        null,
        page ->
            page.contents()
                .forEach(object -> found.add(new ObjectInfo(name(object.key()), object.size()))));
    return found;
  }

  /** Names below a prefix up to the next slash, that slash included. */
  List<String> listDirectories(String prefix) throws StorageException {
    List<String> found = new ArrayList<>();
    pages(
        prefix,
        "/",
        page -> page.commonPrefixes().forEach(common -> found.add(name(common.prefix()))));
    return found;
  }

  private void pages(
      String prefix, @Nullable String delimiter, Consumer<ListObjectsV2Response> take)
      throws StorageException {
    String token = null;
    do {
      String from = token;
      ListObjectsV2Response page =
          calls.call(
              LISTING,
              prefix,
              0,
              (client, limits) ->
                  client.listObjectsV2(request ->
                      request
                          .bucket(bucket.name())
                          .prefix(key(prefix))
                          .delimiter(delimiter)
                          .continuationToken(from)
                          .overrideConfiguration(limits)));
      take.accept(page);
      token = Boolean.TRUE.equals(page.isTruncated()) ? page.nextContinuationToken() : null;
      if (token != null && token.equals(from)) {
        throw new StorageException.Transient(
            "listing %s in %s does not get on: the same page twice".formatted(prefix, bucket));
      }
    } while (token != null);
  }

  void delete(String name) throws StorageException {
    var _ =
        calls.call(
            "deleting",
            name,
            0,
            (client, limits) ->
                client.deleteObject(request ->
                    request.bucket(bucket.name()).key(key(name)).overrideConfiguration(limits)));
  }

  private String key(String name) {
    return bucket.prefix().isEmpty() ? name : bucket.prefix() + "/" + name;
  }

  private String name(String key) {
    return bucket.prefix().isEmpty() ? key : key.substring(bucket.prefix().length() + 1);
  }

  @Override
  public void close() {
    calls.close();
  }
}
