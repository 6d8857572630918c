package io.coppice.common.objectstore.s3;

import io.coppice.common.error.StorageException;
import io.coppice.common.objectstore.S3Access;
import java.nio.file.Path;
import java.util.Optional;
import software.amazon.awssdk.auth.credentials.AwsCredentialsProvider;
import software.amazon.awssdk.auth.credentials.DefaultCredentialsProvider;
import software.amazon.awssdk.auth.credentials.ProfileCredentialsProvider;
import software.amazon.awssdk.core.exception.SdkException;
import software.amazon.awssdk.profiles.ProfileFile;
import software.amazon.awssdk.profiles.ProfileFileSupplier;

/**
 * Where the keys come from. They are in no message: what the SDK says of a file that it cannot read
 * may have parts of it, and is left out.
 */
final class S3Credentials {
  private static final String PROFILE = "default";

  private S3Credentials() {}

  /** A source that has keys now. A file is read again when it changes. */
  static AwsCredentialsProvider find(S3Access access) throws StorageException {
    Optional<Path> file = access.credentialsFile();
    try {
      AwsCredentialsProvider provider =
          file.isPresent() ? ofFile(file.get()) : DefaultCredentialsProvider.builder().build();
      var _ = provider.resolveCredentials();
      return provider;
    } catch (SdkException | IllegalArgumentException | IllegalStateException _) {
      throw new StorageException.Precondition(
          file.map(path ->
                  ("object_store.s3.credentials_file: cannot get keys from %s (expected a readable"
                          + " file with a line [default], a line aws_access_key_id = ... and a line"
                          + " aws_secret_access_key = ...)")
                      .formatted(path))
              .orElse(
                  "no keys for %s: set object_store.s3.credentials_file, or AWS_ACCESS_KEY_ID and"
                          .formatted(access.server())
                      + " AWS_SECRET_ACCESS_KEY in the environment of the server"));
    }
  }

  private static AwsCredentialsProvider ofFile(Path file) {
    return ProfileCredentialsProvider.builder()
        .profileFile(ProfileFileSupplier.reloadWhenModified(file, ProfileFile.Type.CREDENTIALS))
        .profileName(PROFILE)
        .build();
  }
}
