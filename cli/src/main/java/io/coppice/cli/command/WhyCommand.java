package io.coppice.cli.command;

import io.coppice.cli.Session;
import io.coppice.cli.output.CommandFailure;
import io.coppice.cli.output.ExitCode;
import io.coppice.cli.output.Texts;
import io.coppice.common.error.StorageException;
import io.coppice.common.id.Fork;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.RelationTag;
import io.coppice.compute.storage.PageserverClient;
import io.coppice.proto.v1.ExplainPageResponse;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code coppice why}. */
@Command(
    name = "why",
    description = {
      "Reads one page and says what that took:",
      "waits, layers looked into, downloads, records applied, and the time of each."
    })
public final class WhyCommand implements Callable<Integer> {
  private static final double NANOS_PER_MILLI = 1e6;

  private final Session session;

  @Option(
      names = "--branch",
      paramLabel = "BRANCH",
      defaultValue = "main",
      description = "Name or id (default: main).")
  private String branch = "main";

  @Option(
      names = "--rel",
      paramLabel = "SPC/DB/REL",
      required = true,
      description = "Tablespace, database and file number: 1663/5/16384.")
  private @Nullable RelationTag relation;

  @Option(
      names = "--fork",
      paramLabel = "FORK",
      defaultValue = "main",
      description = "main (default), fsm, vm or init.")
  private Fork fork = Fork.MAIN;

  @Option(names = "--block", paramLabel = "N", required = true, description = "From 0.")
  private long block;

  @Option(
      names = "--at",
      paramLabel = "LSN",
      description = "As of this LSN; the newest state if absent.")
  private @Nullable Lsn at;

  public WhyCommand(Session session) {
    this.session = session;
  }

  @Override
  public Integer call() throws StorageException, CommandFailure {
    if (block < 0 || block >= 0xFFFF_FFFFL) {
      throw new StorageException.Invalid(
          "not a block number: %d (expected 0 to 4294967294)".formatted(block));
    }
    RelationTag tag = Objects.requireNonNull(relation).withFork(fork);
    ExplainPageResponse answer;
    try (PageserverClient client = session.pageserver()) {
      answer =
          client.explainPage(
              session.tenant(client).id(), branch, tag, (int) block, at == null ? Lsn.INVALID : at);
    }
    if (session.output().isJson()) {
      session.output().json(json(tag, answer));
    } else {
      session.output().print(text(tag, answer));
    }
    if (!answer.getProblem().isEmpty()) {
      throw new CommandFailure(ExitCode.DAMAGED, answer.getProblem());
    }
    return ExitCode.OK.number();
  }

  private static double millis(long nanos) {
    return nanos / NANOS_PER_MILLI;
  }

  private Map<String, Object> json(RelationTag tag, ExplainPageResponse answer) {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("branch", branch);
    json.put("relation", tag.toString());
    json.put("block", block);
    json.put("lsn", new Lsn(answer.getLsn()).toString());
    json.put("relation_blocks", answer.getRelationBlocks());
    json.put("lsn_wait_ms", millis(answer.getLsnWaitNanos()));
    json.put("relation_size_ms", millis(answer.getRelationSizeNanos()));
    json.put("collect_ms", millis(answer.getCollectNanos()));
    json.put("redo_ms", millis(answer.getRedoNanos()));
    json.put("layers", answer.getVisitsList().stream().map(WhyCommand::json).toList());
    json.put("versions", answer.getVersionsList().stream().map(WhyCommand::json).toList());
    json.put("problem", answer.getProblem().isEmpty() ? null : answer.getProblem());
    return json;
  }

  private static Map<String, Object> json(ExplainPageResponse.Visit visit) {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("branch", visit.getBranch());
    json.put("lsn", new Lsn(visit.getLsn()).toString());
    json.put("layer", visit.getLayer());
    json.put("downloaded", !visit.getResident());
    json.put("versions", visit.getVersions());
    json.put("ms", millis(visit.getNanos()));
    return json;
  }

  private static Map<String, Object> json(ExplainPageResponse.Version version) {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("lsn", new Lsn(version.getLsn()).toString());
    json.put("kind", version.getKind());
    json.put("size_bytes", version.getSizeBytes());
    return json;
  }

  private String text(RelationTag tag, ExplainPageResponse answer) {
    List<String> lines = new ArrayList<>();
    lines.add(
        "block %s of %s on branch %s as of %s; the relation has %s blocks then"
            .formatted(
                Texts.count(block),
                tag,
                branch,
                new Lsn(answer.getLsn()),
                Texts.count(answer.getRelationBlocks())));
    lines.add(line(answer.getLsnWaitNanos(), "wait for WAL up to there"));
    lines.add(line(answer.getRelationSizeNanos(), "look up the size of the relation"));
    if (block >= answer.getRelationBlocks()) {
      lines.add("past the end of the relation: zeros, and nothing was looked for");
      return String.join("\n", lines) + "\n";
    }
    lines.add(
        line(
            answer.getCollectNanos(),
            "find %d versions in %d layers"
                .formatted(answer.getVersionsCount(), answer.getVisitsCount())));
    for (ExplainPageResponse.Visit visit : answer.getVisitsList()) {
      lines.add(
          line(
              visit.getNanos(),
              "  %d in %s of %s up to %s%s"
                  .formatted(
                      visit.getVersions(),
                      visit.getLayer(),
                      visit.getBranch(),
                      new Lsn(visit.getLsn()),
                      visit.getResident() ? "" : ", with its download")));
    }
    lines.add(
        line(
            answer.getRedoNanos(),
            "apply %d records".formatted(Math.max(0, answer.getVersionsCount() - 1))));
    for (ExplainPageResponse.Version version : answer.getVersionsList()) {
      lines.add(
          "              %s %s, %s"
              .formatted(
                  new Lsn(version.getLsn()),
                  version.getKind(),
                  Texts.size(version.getSizeBytes())));
    }
    if (answer.getVersionsCount() == 0) {
      lines.add("nothing was ever written there");
    }
    return String.join("\n", lines) + "\n";
  }

  private static String line(long nanos, String what) {
    return "%9.3f ms  %s".formatted(millis(nanos), what);
  }
}
