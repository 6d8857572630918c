package io.coppice.postgres.control;

import io.coppice.postgres.version.PostgresVersion;

/** Bytes to {@link CheckPoint} and back, for the majors that share one layout. */
sealed interface CheckPointCodec permits CheckPointV14To16Codec, CheckPointV17To18Codec {

  int sizeBytes();

  void read(CheckPoint into, byte[] bytes, int offset);

  void write(CheckPoint from, byte[] bytes, int offset);

  static CheckPointCodec of(PostgresVersion version) {
    return switch (version) {
      case V14, V15, V16 -> CheckPointV14To16Codec.INSTANCE;
      case V17, V18 -> CheckPointV17To18Codec.INSTANCE;
    };
  }
}
