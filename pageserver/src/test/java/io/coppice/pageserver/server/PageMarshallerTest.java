package io.coppice.pageserver.server;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import io.coppice.proto.page.GetPageRequest;
import io.coppice.proto.page.GetPageResponse;
import io.coppice.proto.page.GetPageStatusCode;
import io.coppice.proto.page.Page;
import io.coppice.proto.page.PageServiceGrpc;
import io.coppice.proto.page.RequestID;
import io.grpc.Drainable;
import io.grpc.KnownLength;
import io.grpc.MethodDescriptor;
import io.grpc.ServerServiceDefinition;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class PageMarshallerTest {
  private static final int PAGE_SIZE_BYTES = 8192;

  private final ServerServiceDefinition generated =
      new PageServiceGrpc.PageServiceImplBase() {}.bindService();
  private final ServerServiceDefinition service = PageMarshaller.in(generated);

  @SuppressWarnings("unchecked")
  private MethodDescriptor<GetPageRequest, GetPageResponse> getPages() {
    return (MethodDescriptor<GetPageRequest, GetPageResponse>)
        service
            .getMethod(PageServiceGrpc.getGetPagesMethod().getFullMethodName())
            .getMethodDescriptor();
  }

  private static GetPageResponse response(int pages) {
    SplittableRandom random = new SplittableRandom(pages);
    GetPageResponse.Builder response =
        GetPageResponse.newBuilder()
            .setRequestId(RequestID.newBuilder().setId(-1))
            .setStatusCode(GetPageStatusCode.GET_PAGE_STATUS_CODE_OK)
            .setReason("no reason at all, ".repeat(20));
    for (int i = 0; i < pages; i++) {
      byte[] page = new byte[PAGE_SIZE_BYTES];
      random.nextBytes(page);
      response.addPage(Page.newBuilder().setBlockNumber(i).setImage(ByteString.copyFrom(page)));
    }
    return response.build();
  }

  @Test
  void writesWhatGrpcWould() throws IOException {
    for (int pages : new int[] {0, 1, 2, 16}) {
      GetPageResponse response = response(pages);
      InputStream drained = getPages().streamResponse(response);
      assertThat(drained).isInstanceOf(KnownLength.class).isInstanceOf(Drainable.class);
      assertThat(drained.available()).isEqualTo(response.getSerializedSize());
      ByteArrayOutputStream bytes = new ByteArrayOutputStream();
      assertThat(((Drainable) drained).drainTo(bytes)).isEqualTo(response.getSerializedSize());
      assertThat(bytes.toByteArray()).isEqualTo(response.toByteArray());
      assertThat(drained.available()).isZero();
      assertThat(((Drainable) drained).drainTo(bytes)).isZero();
      assertThat(getPages().parseResponse(new ByteArrayInputStream(bytes.toByteArray())))
          .isEqualTo(response);
    }
  }

  @Test
  void canBeReadInstead() throws IOException {
    GetPageResponse response = response(2);
    InputStream read = getPages().streamResponse(response);
    byte[] expected = response.toByteArray();
    assertThat(read.read()).isEqualTo(expected[0] & 0xFF);
    assertThat(read.available()).isEqualTo(expected.length - 1);
    ByteArrayOutputStream rest = new ByteArrayOutputStream();
    rest.write(expected[0]);
    assertThat(((Drainable) read).drainTo(rest)).isEqualTo(expected.length - 1);
    assertThat(rest.toByteArray()).isEqualTo(expected);
  }

  /** A page is handed on as it is, but for what is left of the buffer before it. */
  @Test
  void copiesNoPage() throws IOException {
    GetPageResponse response = response(16);
    int[] largest = new int[1];
    OutputStream sizes =
        new OutputStream() {
          @Override
          public void write(int one) {}

          @Override
          public void write(byte[] from, int start, int length) {
            largest[0] = Math.max(largest[0], length);
          }
        };
    ((Drainable) getPages().streamResponse(response)).drainTo(sizes);
    assertThat(largest[0]).isGreaterThan(PAGE_SIZE_BYTES - 128);
  }

  @Test
  void leavesOtherMethodsAsTheyAre() {
    assertThat(service.getServiceDescriptor().getName())
        .isEqualTo(generated.getServiceDescriptor().getName());
    assertThat(service.getMethods()).hasSameSizeAs(generated.getMethods());
    String other = PageServiceGrpc.getGetRelSizeMethod().getFullMethodName();
    assertThat(service.getMethod(other).getMethodDescriptor())
        .isSameAs(PageServiceGrpc.getGetRelSizeMethod());
  }
}
