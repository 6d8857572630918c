package io.coppice.pageserver.tenant;

import static org.assertj.core.api.Assertions.assertThat;

import io.coppice.common.id.Lsn;
import io.coppice.postgres.version.PostgresVersion;
import io.coppice.postgres.wal.WalDecoder;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class NewTimelinesTest {
  private static final int SEGMENT_SIZE_BYTES = 16 << 20;

  @ParameterizedTest
  @CsvSource({
    "0/2000000, 0/2000000",
    "0/2000001, 0/2000000",
    "0/2000020, 0/2000000",
    "0/2000028, 0/2000028",
    "0/2002008, 0/2002000",
    "0/2002010, 0/2002000",
    "0/2002018, 0/2002018",
    "0/2002019, 0/2002020",
    "0/2003FFF, 0/2004000"
  })
  void branchesWhereARecordCanBegin(String asked, String expected) {
    Lsn boundary = NewTimelines.recordBoundary(Lsn.parse(asked), SEGMENT_SIZE_BYTES);
    assertThat(boundary).isEqualTo(Lsn.parse(expected));
    assertThat(new WalDecoder(PostgresVersion.V15, SEGMENT_SIZE_BYTES, boundary).position())
        .isEqualTo(boundary);
  }
}
