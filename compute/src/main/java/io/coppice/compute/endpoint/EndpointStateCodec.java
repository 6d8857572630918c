package io.coppice.compute.endpoint;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.TenantId;
import io.coppice.common.id.TimelineId;
import io.coppice.common.rpc.HostPort;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Optional;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectMapper;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/** {@link EndpointState} as the JSON of {@code endpoint.json}. Unknown fields are passed by. */
final class EndpointStateCodec {
  private static final ObjectMapper MAPPER = JsonMapper.builder().build();

  /** Not there in what older versions wrote. */
  private static final String STATUS_ADDRESS = "status_address";

  private EndpointStateCodec() {}

  static byte[] encode(EndpointState state) {
    ObjectNode json = MAPPER.createObjectNode();
    json.put("tenant_id", state.tenant().toString());
    json.put("timeline_id", state.timeline().toString());
    json.put("branch", state.branch());
    json.put("run", state.run());
    json.put("status", state.status().toString());
    json.put("reason", state.reason());
    json.put("supervisor_pid", state.supervisor().pid());
    json.put("supervisor_started_at", state.supervisor().startedAt().toString());
    json.put("postmaster_pid", state.postmasterPid());
    json.put("port", state.port());
    json.put("term", state.term());
    json.put("start_lsn", state.startLsn().toString());
    json.put("data_path", state.dataPath().toString());
    json.put("log_path", state.logPath().toString());
    json.put("started_at", state.startedAt().toString());
    json.put("changed_at", state.changedAt().toString());
    state.statusAddress().ifPresent(address -> json.put(STATUS_ADDRESS, address.toString()));
    StartDurations took = state.durations();
    ObjectNode durations = json.putObject("durations");
    durations.put("elect_millis", took.electMillis());
    durations.put("wait_millis", took.waitMillis());
    durations.put("backup_millis", took.backupMillis());
    durations.put("postgres_millis", took.postgresMillis());
    durations.put("total_millis", took.totalMillis());
    durations.put("backup_size_bytes", took.backupSizeBytes());
    return MAPPER.writerWithDefaultPrettyPrinter().writeValueAsBytes(json);
  }

  /**
   * Reads what {@link #encode} wrote.
   *
   * @throws StorageException.Corrupt naming the file
   */
  static EndpointState decode(byte[] bytes, Path file) throws StorageException {
    try {
      JsonNode json = MAPPER.readTree(bytes);
      JsonNode durations = json.required("durations");
      return new EndpointState(
          TenantId.parse(text(json, "tenant_id")),
          TimelineId.parse(text(json, "timeline_id")),
          text(json, "branch"),
          json.required("run").asInt(),
          EndpointStatus.parse(text(json, "status")),
          text(json, "reason"),
          new EndpointState.Supervisor(
              json.required("supervisor_pid").asLong(),
              Instant.parse(text(json, "supervisor_started_at"))),
          json.required("postmaster_pid").asLong(),
          json.required("port").asInt(),
          json.required("term").asLong(),
          Lsn.parse(text(json, "start_lsn")),
          Path.of(text(json, "data_path")),
          Path.of(text(json, "log_path")),
          Instant.parse(text(json, "started_at")),
          Instant.parse(text(json, "changed_at")),
          new StartDurations(
              durations.required("elect_millis").asLong(),
              durations.required("wait_millis").asLong(),
              durations.required("backup_millis").asLong(),
              durations.required("postgres_millis").asLong(),
              durations.required("total_millis").asLong(),
              durations.required("backup_size_bytes").asLong()),
          Optional.ofNullable(json.get(STATUS_ADDRESS))
              .map(JsonNode::asString)
              .map(HostPort::parse));
    } catch (JacksonException
        | IllegalArgumentException
        | java.time.format.DateTimeParseException e) {
      throw new StorageException.Corrupt(
          "%s is not the state of an endpoint: %s".formatted(file, e.getMessage()), e);
    }
  }

  private static String text(JsonNode json, String field) {
    return json.required(field).asString();
  }
}
