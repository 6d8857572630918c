package io.coppice.common.objectstore;

import java.net.URI;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.util.regex.Pattern;

/** Where objects are: {@code file:///dir} or {@code s3://bucket/prefix}. */
public sealed interface ObjectStoreUrl {

  /** A directory of this machine. */
  record Directory(Path path) implements ObjectStoreUrl {
    @Override
    public String toString() {
      return path.toUri().toString();
    }
  }

  /**
   * A bucket of an S3 server.
   *
   * @param prefix of the names of all objects, without a slash at the end; may be empty. A key of
   *     S3 has at most 1024 bytes, and names take most of them
   */
  record Bucket(String name, String prefix) implements ObjectStoreUrl {
    private static final Pattern NAME = Pattern.compile("[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]");

    private static final int PREFIX_LENGTH_MAX = 100;

    public Bucket {
      if (!NAME.matcher(name).matches() || prefix.length() > PREFIX_LENGTH_MAX) {
        throw refused();
      }
      if (!prefix.isEmpty()) {
        ObjectNames.checkName(prefix);
      }
    }

    @Override
    public String toString() {
      return "s3://" + name + (prefix.isEmpty() ? "" : "/" + prefix);
    }
  }

  /** Refuses what is neither, without repeating it: there may be a key in it. */
  static ObjectStoreUrl parse(String text) {
    try {
      URI url = new URI(text);
      boolean isPlain =
          url.getUserInfo() == null && url.getQuery() == null && url.getFragment() == null;
      if (isPlain && "file".equals(url.getScheme()) && text.startsWith("file:///")) {
        return new Directory(Path.of(url).normalize());
      }
      // A bucket's name need not be a valid host, so the authority is taken as it is.
      String bucket = url.getAuthority();
      if (isPlain && "s3".equals(url.getScheme()) && bucket != null) {
        return new Bucket(bucket, url.getPath().replaceFirst("^/", "").replaceFirst("/$", ""));
      }
    } catch (URISyntaxException _) {
      // Refused below.
    }
    throw refused();
  }

  private static IllegalArgumentException refused() {
    return new IllegalArgumentException(
        "not a place for objects (expected file:///directory, or s3://bucket or s3://bucket/prefix"
            + " without keys, port or query)");
  }
}
