package io.coppice.pageserver.server;

import com.google.protobuf.CodedOutputStream;
import io.coppice.proto.page.GetPageRequest;
import io.coppice.proto.page.GetPageResponse;
import io.coppice.proto.page.PageServiceGrpc;
import io.grpc.Drainable;
import io.grpc.KnownLength;
import io.grpc.MethodDescriptor;
import io.grpc.ServerCallHandler;
import io.grpc.ServerMethodDefinition;
import io.grpc.ServerServiceDefinition;
import io.grpc.ServiceDescriptor;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import org.jspecify.annotations.Nullable;

/**
 * Writes answers with pages. gRPC's own way makes a buffer of 4 KiB for each message, and takes
 * half of each page through it; at tens of thousands of pages a second that was two thirds of what
 * the garbage collector had to do.
 */
final class PageMarshaller implements MethodDescriptor.Marshaller<GetPageResponse> {
  private final MethodDescriptor.Marshaller<GetPageResponse> usual;

  private PageMarshaller(MethodDescriptor.Marshaller<GetPageResponse> usual) {
    this.usual = usual;
  }

  /** A service as it is generated, whose pages go out this way. */
  static ServerServiceDefinition in(ServerServiceDefinition service) {
    MethodDescriptor<GetPageRequest, GetPageResponse> usual = PageServiceGrpc.getGetPagesMethod();
    MethodDescriptor<GetPageRequest, GetPageResponse> getPages =
        usual.toBuilder(
                usual.getRequestMarshaller(), new PageMarshaller(usual.getResponseMarshaller()))
            .build();
    ServiceDescriptor generated = service.getServiceDescriptor();
    ServiceDescriptor.Builder descriptor =
        ServiceDescriptor.newBuilder(generated.getName())
            .setSchemaDescriptor(generated.getSchemaDescriptor());
    for (MethodDescriptor<?, ?> method : generated.getMethods()) {
      descriptor.addMethod(method.equals(usual) ? getPages : method);
    }
    ServerServiceDefinition.Builder definition =
        ServerServiceDefinition.builder(descriptor.build());
    for (ServerMethodDefinition<?, ?> method : service.getMethods()) {
      if (method.getMethodDescriptor().equals(usual)) {
        definition.addMethod(getPages, handler(method));
      } else {
        definition.addMethod(method);
      }
    }
    return definition.build();
  }

  @SuppressWarnings("unchecked") // That of the method that the descriptor is of.
  private static ServerCallHandler<GetPageRequest, GetPageResponse> handler(
      ServerMethodDefinition<?, ?> getPages) {
    return (ServerCallHandler<GetPageRequest, GetPageResponse>) getPages.getServerCallHandler();
  }

  @Override
  public InputStream stream(GetPageResponse response) {
    return new Encoded(response);
  }

  @Override
  public GetPageResponse parse(InputStream bytes) {
    return usual.parse(bytes);
  }

  /** A message that is encoded once somebody takes its bytes. */
  private static final class Encoded extends InputStream implements KnownLength, Drainable {
    /** For what is not a page: tags and numbers. */
    private static final int BUFFER_SIZE_BYTES = 128;

    private final GetPageResponse response;
    private @Nullable InputStream rest;

    Encoded(GetPageResponse response) {
      this.response = response;
    }

    @Override
    public int drainTo(OutputStream target) throws IOException {
      if (rest != null) {
        return Math.toIntExact(rest.transferTo(target));
      }
      CodedOutputStream out = CodedOutputStream.newInstance(target, BUFFER_SIZE_BYTES);
      response.writeTo(out);
      out.flush();
      rest = InputStream.nullInputStream();
      return response.getSerializedSize();
    }

    @Override
    public int available() throws IOException {
      return rest == null ? response.getSerializedSize() : rest.available();
    }

    @Override
    public int read() throws IOException {
      return bytes().read();
    }

    @Override
    public int read(byte[] to, int from, int length) throws IOException {
      return bytes().read(to, from, length);
    }

    private InputStream bytes() {
      if (rest == null) {
        rest = response.toByteString().newInput();
      }
      return rest;
    }
  }
}
