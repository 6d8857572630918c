package io.coppice.common.objectstore.s3;

import io.coppice.common.error.StorageException;
import io.coppice.common.objectstore.S3Access;
import java.util.Set;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;
import software.amazon.awssdk.awscore.exception.AwsErrorDetails;
import software.amazon.awssdk.awscore.exception.AwsServiceException;
import software.amazon.awssdk.core.exception.AbortedException;
import software.amazon.awssdk.core.exception.ApiCallAttemptTimeoutException;
import software.amazon.awssdk.core.exception.ApiCallTimeoutException;

/**
 * What an S3 server or the way to it says, as a kind of failure. Whatever needs a person names
 * server and bucket and says what to do.
 */
final class S3Failures {
  private static final int FORBIDDEN = 403;
  private static final int UNAUTHORIZED = 401;
  private static final int NOT_FOUND = 404;
  private static final int REQUEST_TIMEOUT = 408;
  private static final int CONFLICT = 409;
  static final int PRECONDITION_FAILED = 412;
  private static final int TOO_MANY_REQUESTS = 429;
  private static final int SERVER_ERRORS = 500;
  private static final int NOT_IMPLEMENTED = 501;

  /** A conflict is two conditional writes of one object at once. */
  private static final Set<Integer> MAY_PASS = Set.of(REQUEST_TIMEOUT, CONFLICT, TOO_MANY_REQUESTS);

  private static final Set<String> CHANGED_ON_THE_WAY =
      Set.of("BadDigest", "IncompleteBody", "XAmzContentSHA256Mismatch", "RequestTimeout");

  private final S3Access access;
  private final String bucket;

  S3Failures(S3Access access, String bucket) {
    this.access = access;
    this.bucket = bucket;
  }

  StorageException of(String doing, String what, RuntimeException failure) {
    UncheckedFailure ours = oursWithin(failure);
    if (ours != null) {
      return ours.failure();
    }
    return switch (failure) {
      case AwsServiceException answer -> ofAnswer(doing, what, answer);
      case ApiCallTimeoutException _, ApiCallAttemptTimeoutException _ ->
          late(
              text(
                  doing,
                  what,
                  "no answer in time (object_store.s3.attempt_timeout and"
                      + " .call_timeout limit it)"),
              failure);
      case AbortedException _ -> interrupted(doing, what);
      default -> new StorageException.Transient(text(doing, what, rootMessage(failure)), failure);
    };
  }

  /** What is worth another try, besides what the SDK itself tries again. */
  static boolean mayPass(Throwable failure) {
    return failure instanceof AwsServiceException answer
        && (MAY_PASS.contains(answer.statusCode())
            || (answer.awsErrorDetails() != null
                && CHANGED_ON_THE_WAY.contains(
                    String.valueOf(answer.awsErrorDetails().errorCode()))));
  }

  private StorageException ofAnswer(String doing, String what, AwsServiceException answer) {
    AwsErrorDetails details = answer.awsErrorDetails();
    String code = details == null || details.errorCode() == null ? "" : details.errorCode();
    String said =
        "%d %s%s"
            .formatted(
                answer.statusCode(),
                code,
                answer.requestId() == null ? "" : ", request " + answer.requestId());
    if (mayPass(answer)) {
      return new StorageException.Transient(text(doing, what, said), answer);
    }
    return switch (code) {
      case "NoSuchKey" ->
          new StorageException.NotFound(text(doing, what, "there is no such object"));
      case "NoSuchBucket" ->
          person(
              doing, what, said, "there is no such bucket: make it, or correct object_store.url");
      case "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken" ->
          person(
              doing,
              what,
              said,
              "the server does not take the keys: look at"
                  + " object_store.s3.credentials_file, or where else they come from");
      case "RequestTimeTooSkewed" ->
          person(doing, what, said, "the clocks of this machine and of the server differ");
      case "PermanentRedirect",
          "AuthorizationHeaderMalformed",
          "IllegalLocationConstraintException" ->
          person(doing, what, said, "the bucket is in another region: set object_store.s3.region");
      default -> ofStatus(doing, what, said, answer);
    };
  }

  private StorageException ofStatus(
      String doing, String what, String said, AwsServiceException answer) {
    int status = answer.statusCode();
    return switch (status) {
      case UNAUTHORIZED, FORBIDDEN ->
          person(
              doing,
              what,
              said,
              "the keys do not permit that: they need to get, put, list and"
                  + " delete objects there");
      case NOT_FOUND -> new StorageException.NotFound(text(doing, what, "there is no such object"));
      case NOT_IMPLEMENTED ->
          new StorageException.Unsupported(text(doing, what, said + ": the server cannot do that"));
      default ->
          status >= SERVER_ERRORS || status == PRECONDITION_FAILED
              ? new StorageException.Transient(text(doing, what, said), answer)
              : person(
                  doing,
                  what,
                  said,
                  "the server refuses that; `coppice doctor s3` says what" + " it can do");
    };
  }

  StorageException busy(String doing, String what) {
    return new StorageException.Transient(
        text(
            doing,
            what,
            "%d requests (object_store.s3.requests_max) were under way for %d ms"
                .formatted(access.requestsMax(), access.callTimeout().toMillis())));
  }

  StorageException interrupted(String doing, String what) {
    return new StorageException.Transient(text(doing, what, "interrupted"));
  }

  private StorageException person(String doing, String what, String said, String advice) {
    return new StorageException.Precondition(text(doing, what, advice + " (" + said + ")"));
  }

  private String text(String doing, String what, String why) {
    return "%s %s in bucket %s at %s: %s".formatted(doing, what, bucket, access.server(), why);
  }

  /** With a cause by which those who do not know the SDK see that it was a matter of time. */
  private static StorageException late(String text, RuntimeException failure) {
    TimeoutException cause = new TimeoutException(text);
    cause.addSuppressed(failure);
    return new StorageException.Transient(text, cause);
  }

  private static @Nullable UncheckedFailure oursWithin(@Nullable Throwable failure) {
    for (Throwable at = failure; at != null; at = at.getCause()) {
      if (at instanceof UncheckedFailure ours) {
        return ours;
      }
    }
    return null;
  }

  /** What the SDK says is mostly about the SDK; what is below it says what happened. */
  private static String rootMessage(Throwable failure) {
    Throwable at = failure;
    while (at.getCause() != null) {
      at = at.getCause();
    }
    return at.getMessage() == null ? at.toString() : at.getMessage();
  }

  /** A failure that has to get through code of the SDK. */
  static final class UncheckedFailure extends RuntimeException {
    private final StorageException failure;

    UncheckedFailure(StorageException failure) {
      super(failure);
      this.failure = failure;
    }

    StorageException failure() {
      return failure;
    }
  }
}
