package io.coppice.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Fork;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.RelationTag;
import io.coppice.common.id.TenantId;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.common.id.TimelineId;
import io.coppice.common.platform.Ids;
import io.coppice.common.rpc.RpcChannel;
import io.coppice.common.rpc.RpcHeaders;
import io.coppice.compute.endpoint.Endpoint;
import io.coppice.compute.storage.BranchInfo;
import io.coppice.compute.storage.BranchPoint;
import io.coppice.compute.storage.PageserverClient;
import io.coppice.proto.page.GetDbSizeRequest;
import io.coppice.proto.page.PageServiceGrpc;
import io.coppice.proto.page.ReadLsn;
import io.coppice.proto.v1.GetBranchRequest;
import io.coppice.proto.v1.SafekeeperServiceGrpc;
import io.coppice.proto.v1.TimelineServiceGrpc;
import io.coppice.proto.v1.TimelineStatusRequest;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.MetadataUtils;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;

/** Each bad input is refused with a message that helps, and with its own code. */
@Tag("process")
@Timeout(value = 6, unit = TimeUnit.MINUTES)
final class BadInputTest {
  private static final int USAGE = 2;
  private static final int NOT_FOUND = 3;
  private static final int CONFLICT = 5;
  private static final int BUSY = 6;
  private static final int UNREACHABLE = 7;
  private static final int TIMED_OUT = 8;
  private static final int PRECONDITION = 10;
  private static final int EXIT_SECONDS = 60;

  /** Waits for WAL no longer than it takes to see that it does. */
  @RegisterExtension final Cluster cluster = new Cluster("pageserver.lsn_wait=4s");

  private void refused(int exitCode, List<String> message, String... command)
      throws IOException, InterruptedException {
    expectRefused(cluster.coppice(command), exitCode, message, command);
  }

  private void serverRefused(int exitCode, List<String> message, String... command)
      throws IOException, InterruptedException {
    expectRefused(cluster.serve(command), exitCode, message, command);
  }

  private static void expectRefused(
      ChildProcess.Result result, int exitCode, List<String> message, String... command) {
    assertThat(result.exitCode())
        .as("coppice %s: %s", List.of(command), result)
        .isEqualTo(exitCode);
    assertThat(result.err()).as("coppice %s", List.of(command)).contains(message);
    assertThat(result.err()).doesNotContain("\tat ").doesNotContain("Exception");
  }

  @Test
  void commandsRefuseBadInput() throws StorageException, IOException, InterruptedException {
    cluster.startAll();
    refused(NOT_FOUND, List.of("no tenant"), "branch", "list");
    cluster.succeed("tenant", "create", "bad");
    cluster.succeed("branch", "create", "side", "--parent", "main");

    refused(NOT_FOUND, List.of("nobody", "bad"), "branch", "list", "--tenant", "nobody");
    refused(NOT_FOUND, List.of("nowhere"), "branch", "get", "nowhere");
    refused(NOT_FOUND, List.of("nowhere"), "branch", "create", "x", "--parent", "nowhere");
    refused(NOT_FOUND, List.of("nowhere"), "endpoint", "start", "nowhere");
    refused(CONFLICT, List.of("side"), "branch", "create", "side", "--parent", "main");
    refused(CONFLICT, List.of("bad"), "tenant", "create", "bad");
    refused(PRECONDITION, List.of("main", "root"), "branch", "delete", "main");
    cluster.succeed("branch", "create", "twig", "--parent", "side");
    refused(PRECONDITION, List.of("side", "twig"), "branch", "delete", "side");
    cluster.succeed("branch", "delete", "twig");
    refused(USAGE, List.of("zebra"), "branch", "create", "x", "--parent", "main", "--at", "zebra");
    refused(USAGE, List.of("0/XYZ"), "branch", "create", "x", "--parent", "main", "--at", "0/XYZ");
    BranchInfo main = cluster.branch("main");
    refused(
        PRECONDITION,
        List.of("0/100", main.startLsn().toString()),
        "branch",
        "create",
        "x",
        "--parent",
        "main",
        "--at",
        "0/100");
    refused(
        TIMED_OUT,
        List.of("F/F0000000"),
        "branch",
        "create",
        "x",
        "--parent",
        "main",
        "--at",
        "F/F0000000");
    refused(
        USAGE,
        List.of("pageserver.open_layer_size_mox", "pageserver.open_layer_size_max"),
        "branch",
        "list",
        "--set",
        "pageserver.open_layer_size_mox=1MB");
    refused(
        USAGE,
        List.of("1 apple"),
        "branch",
        "list",
        "--set",
        "pageserver.open_layer_size_max=1 apple");
    refused(USAGE, List.of("--prot"), "endpoint", "start", "main", "--prot", "5");
    cluster.succeed("branch", "delete", "side");
    refused(NOT_FOUND, List.of("side"), "branch", "get", "side");
  }

  @Test
  void serversRefuseBadDirectoriesAndPorts() throws IOException, InterruptedException {
    cluster.startAll();
    serverRefused(
        BUSY,
        List.of(cluster.pageserverAddress().toString()),
        "pageserver",
        "--set",
        "data_dir=" + cluster.directory().resolve("other"));
    for (int id = 1; id <= Cluster.SAFEKEEPERS; id++) {
      cluster.safekeeper(id).stop(EXIT_SECONDS);
    }
    cluster.pageserver().stop(EXIT_SECONDS);
    refused(UNREACHABLE, List.of(cluster.pageserverAddress().toString()), "branch", "list");

    Path safekeeper = cluster.dataDirectory().resolve("safekeeper-2");
    Path otherNode = cluster.dataDirectory().resolve("safekeeper-3");
    Path aside = cluster.directory().resolve("aside");
    Files.move(otherNode, aside);
    Files.move(safekeeper, otherNode);
    serverRefused(PRECONDITION, List.of("2", "3"), "safekeeper", "--id", "3");
    Files.move(otherNode, safekeeper);
    Files.move(aside, otherNode);

    Path format = safekeeper.resolve("safekeeper.format");
    Files.writeString(format, Files.readString(format).replace("format 2", "format 99"));
    serverRefused(PRECONDITION, List.of("safekeeper-2", "99"), "safekeeper", "--id", "2");
    Path pageserver = cluster.dataDirectory().resolve("pageserver/FORMAT");
    Files.writeString(pageserver, Files.readString(pageserver).replace(" 1", " 99"));
    serverRefused(PRECONDITION, List.of("pageserver", "99"), "pageserver");
  }

  @Test
  void damagedFilesAreToldAndNotUsed() throws StorageException, IOException, InterruptedException {
    cluster.startAll();
    cluster.succeed("tenant", "create", "bad");
    try (Endpoint endpoint = Endpoint.start(cluster.endpoint("main"))) {
      assertThat(endpoint.port()).isPositive();
    }
    cluster.safekeeper(1).stop(EXIT_SECONDS);
    BranchInfo main = cluster.branch("main");
    Path control =
        find(
            cluster.dataDirectory().resolve("safekeeper-1"),
            file -> file.getFileName().toString().equals("control"));
    byte[] bytes = Files.readAllBytes(control);
    bytes[bytes.length / 2] ^= 0x10;
    Files.write(control, bytes);
    // Other timelines are served on; this one neither votes nor answers.
    cluster.startSafekeeper(1);
    assertThat(cluster.safekeeper(1).logTail()).contains(control.toString(), "expected CRC32C");
    ManagedChannel channel = RpcChannel.open(cluster.safekeeperAddresses().getFirst());
    try {
      assertThatThrownBy(() ->
              SafekeeperServiceGrpc.newBlockingStub(channel)
                  .timelineStatus(
                      TimelineStatusRequest.newBuilder()
                          .setTenantId(main.tenant().toString())
                          .setTimelineId(main.timeline().toString())
                          .build()))
          .satisfies(failure -> expectStatus(failure, Status.Code.DATA_LOSS));
    } finally {
      channel.shutdownNow();
    }
    // The quorum of the others is enough.
    try (Endpoint endpoint = Endpoint.start(cluster.endpoint("main"))) {
      assertThat(endpoint.port()).isPositive();
    }
  }

  private static Path find(Path root, Predicate<Path> wanted) throws IOException {
    try (Stream<Path> files = Files.walk(root)) {
      return files.filter(Files::isRegularFile).filter(wanted).findFirst().orElseThrow();
    }
  }

  @Test
  void servicesAnswerBadCallsWithTheirStatus()
      throws StorageException, IOException, InterruptedException {
    cluster.startAll();
    cluster.succeed("tenant", "create", "bad");
    BranchInfo main = cluster.branch("main");
    PageserverClient client = cluster.client();
    TenantId tenant = main.tenant();
    TenantTimelineId nowhere = new TenantTimelineId(tenant, Ids.newTimelineId(Ids.secureRandom()));
    RelationTag pgClass = new RelationTag(1663, 5, 1259, Fork.MAIN.number());

    assertThatThrownBy(() -> client.getBranch(Ids.newTenantId(Ids.secureRandom()), "main"))
        .isInstanceOf(StorageException.NotFound.class);
    assertThatThrownBy(() -> client.getPage(nowhere, pgClass, 0, Lsn.MAX))
        .isInstanceOf(StorageException.NotFound.class)
        .hasMessageContaining(nowhere.timeline().toString());
    assertThatThrownBy(() ->
            client.getPage(
                main.id(), new RelationTag(1663, 5, 999_999, Fork.MAIN.number()), 0, Lsn.MAX))
        .isInstanceOf(StorageException.NotFound.class);
    // Postgres may ask for a block that it is about to add: that is an empty page, not a mistake.
    assertThat(client.getPage(main.id(), pgClass, 1_000_000, Lsn.MAX)).containsOnly(0);
    assertThatThrownBy(() -> client.getPage(main.id(), pgClass, 0, new Lsn(8)))
        .hasMessageContaining(main.startLsn().toString());
    // The server answers before the client gives up, so that it can say how far it got.
    assertThatThrownBy(() -> client.waitForLsn(tenant, "main", new Lsn(1L << 40), 5_000))
        .isInstanceOf(StorageException.Transient.class)
        .hasMessageContaining("branch main has not reached 100/0");
    TimelineId again = Ids.newTimelineId(Ids.secureRandom());
    client.createBranch(tenant, again, "twice", "main", new BranchPoint.Newest());
    assertThatThrownBy(() ->
            client.createBranch(tenant, again, "other-name", "main", new BranchPoint.Newest()))
        .isInstanceOf(StorageException.Conflict.class);
    assertThatThrownBy(() ->
            client.createBranch(
                tenant,
                Ids.newTimelineId(Ids.secureRandom()),
                "two words",
                "main",
                new BranchPoint.Newest()))
        .isInstanceOf(StorageException.Invalid.class);
    expectMalformedIdsRefused(main);
  }

  private void expectMalformedIdsRefused(BranchInfo main) {
    ManagedChannel channel = RpcChannel.open(cluster.pageserverAddress());
    try {
      assertThatThrownBy(() ->
              TimelineServiceGrpc.newBlockingStub(channel)
                  .getBranch(
                      GetBranchRequest.newBuilder()
                          .setTenantId("../" + main.tenant())
                          .setBranch("main")
                          .build()))
          .satisfies(failure -> expectStatus(failure, Status.Code.INVALID_ARGUMENT));
      Metadata headers = RpcHeaders.of(main.id());
      headers.discardAll(RpcHeaders.TIMELINE_ID);
      PageServiceGrpc.PageServiceBlockingStub pages =
          PageServiceGrpc.newBlockingStub(channel)
              .withInterceptors(MetadataUtils.newAttachHeadersInterceptor(headers));
      GetDbSizeRequest size =
          GetDbSizeRequest.newBuilder()
              .setReadLsn(ReadLsn.newBuilder().setRequestLsn(-1))
              .setDbOid(5)
              .build();
      assertThatThrownBy(() -> pages.getDbSize(size))
          .satisfies(failure -> expectStatus(failure, Status.Code.INVALID_ARGUMENT));
      headers.put(RpcHeaders.TIMELINE_ID, "not hexadecimal");
      assertThatThrownBy(() -> pages.getDbSize(size))
          .satisfies(failure -> expectStatus(failure, Status.Code.INVALID_ARGUMENT));
    } finally {
      channel.shutdownNow();
    }
  }

  private static void expectStatus(Throwable failure, Status.Code code) {
    assertThat(failure).isInstanceOf(StatusRuntimeException.class);
    Status status = ((StatusRuntimeException) failure).getStatus();
    assertThat(status.getCode()).as(status.toString()).isEqualTo(code);
    assertThat(status.getDescription()).isNotBlank();
  }
}
