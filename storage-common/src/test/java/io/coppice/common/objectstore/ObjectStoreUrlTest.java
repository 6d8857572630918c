package io.coppice.common.objectstore;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ObjectStoreUrlTest {

  @Test
  void knowsDirectoriesAndBuckets() {
    assertThat(ObjectStoreUrl.parse("file:///var/lib/objects"))
        .isEqualTo(new ObjectStoreUrl.Directory(Path.of("/var/lib/objects")));
    assertThat(ObjectStoreUrl.parse("s3://my-bucket"))
        .isEqualTo(new ObjectStoreUrl.Bucket("my-bucket", ""))
        .hasToString("s3://my-bucket");
    assertThat(ObjectStoreUrl.parse("s3://my.bucket/a/b/"))
        .isEqualTo(new ObjectStoreUrl.Bucket("my.bucket", "a/b"))
        .hasToString("s3://my.bucket/a/b");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "objects",
        "/var/lib/objects",
        "file:objects",
        "file://host/dir",
        "s3://",
        "s3:///prefix",
        "s3://B/x",
        "s3://hush:hush@bucket/x",
        "s3://bucket/x?key=hush",
        "s3://bucket:9000/x",
        "s3://bucket/a//b",
        "s3://bucket/.hidden",
        "http://host/bucket",
        "s3://bucket/ space"
      })
  void refusesOthersWithoutRepeatingKeys(String text) {
    assertThatThrownBy(() -> ObjectStoreUrl.parse(text))
        .isInstanceOf(IllegalArgumentException.class)
        .message()
        .doesNotContain("hush");
  }
}
