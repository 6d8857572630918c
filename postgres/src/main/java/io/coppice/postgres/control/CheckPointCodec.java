package io.coppice.postgres.control;

import io.coppice.postgres.version.PostgresVersion;

/** Bytes to {@link CheckPoint} and back, for the majors that share one layout. */
sealed interface CheckPointCodec permits CheckPointV14To16Codec {

  int sizeBytes();

  void read(CheckPoint into, byte[] bytes, int offset);

  void write(CheckPoint from, byte[] bytes, int offset);

  static CheckPointCodec of(PostgresVersion version) {
    return switch (version) {
      case V15 -> CheckPointV14To16Codec.INSTANCE;
    };
  }
}
