package io.coppice.house.planted.pageserver.layer;

import software.amazon.awssdk.services.s3.S3Client;

/** Breaks a rule on purpose. */
final class KnowsS3 {
  private KnowsS3() {}

  static String name(S3Client client) {
    return client.serviceName();
  }
}
