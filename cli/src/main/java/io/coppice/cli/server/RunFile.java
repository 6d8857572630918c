package io.coppice.cli.server;

import io.coppice.common.error.StorageException;
import io.coppice.common.rpc.HostPort;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.SerializationFeature;
import tools.jackson.databind.json.JsonMapper;

/**
 * {@value #FILE_NAME} in the data directory: where a running {@code coppice up} listens. It is a
 * hint for other commands, not durable state; one left by a crash is recognised by its pid.
 */
public record RunFile(long pid, HostPort pageserver, List<HostPort> safekeepers, HostPort status) {
  public static final String FILE_NAME = "coppice.run.json";

  private static final JsonMapper JSON =
      JsonMapper.builder().enable(SerializationFeature.INDENT_OUTPUT).build();

  public RunFile {
    safekeepers = List.copyOf(safekeepers);
  }

  /** What a running process wrote; empty if none runs on this data directory. */
  public static Optional<RunFile> read(Path dataDir) throws StorageException {
    Path file = dataDir.resolve(FILE_NAME);
    RunFile runFile;
    try {
      runFile = parse(JSON.readTree(Files.readString(file)));
    } catch (NoSuchFileException _) {
      return Optional.empty();
    } catch (IOException | JacksonException | IllegalArgumentException e) {
      throw new StorageException.Corrupt("cannot read %s: %s".formatted(file, e.getMessage()), e);
    }
    return ProcessHandle.of(runFile.pid()).filter(ProcessHandle::isAlive).map(_ -> runFile);
  }

  private static RunFile parse(JsonNode json) {
    return new RunFile(
        json.required("pid").asLong(),
        HostPort.parse(json.required("pageserver").asString()),
        json.required("safekeepers")
            .valueStream()
            .map(JsonNode::asString)
            .map(HostPort::parse)
            .toList(),
        HostPort.parse(json.required("status").asString()));
  }

  /** Replaces the file at once. */
  public void write(Path dataDir) throws IOException {
    Path temporary = dataDir.resolve(FILE_NAME + ".tmp");
    Files.write(temporary, JSON.writeValueAsString(toMap()).getBytes(StandardCharsets.UTF_8));
    Files.move(
        temporary,
        dataDir.resolve(FILE_NAME),
        StandardCopyOption.ATOMIC_MOVE,
        StandardCopyOption.REPLACE_EXISTING);
  }

  /** Takes the file away again. */
  public static void delete(Path dataDir) throws IOException {
    Files.deleteIfExists(dataDir.resolve(FILE_NAME));
  }

  /** As written, and as shown with {@code -o json}. */
  public Map<String, Object> toMap() {
    Map<String, Object> map = new LinkedHashMap<>();
    map.put("pid", pid);
    map.put("pageserver", pageserver.toString());
    map.put("safekeepers", safekeepers.stream().map(HostPort::toString).toList());
    map.put("status", status.toString());
    return map;
  }
}
