package io.coppice.cli.command;

import io.coppice.cli.Session;
import io.coppice.cli.output.CommandFailure;
import io.coppice.cli.output.Texts;
import io.coppice.common.error.StorageException;
import io.coppice.common.id.Fork;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.RelationTag;
import io.coppice.compute.storage.BranchInfo;
import io.coppice.compute.storage.PageserverClient;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code coppice page}. */
@Command(name = "page", description = "Pages of relations as of any LSN.")
public final class PageCommand extends Noun {
  private static final int BYTES_IN_LINE = 16;

  public PageCommand(Session session) {
    super(session);
  }

  @Command(name = "get", description = "Reads one page: a hex dump, or the bytes with --raw.")
  void get(
      @Option(
              names = "--branch",
              paramLabel = "BRANCH",
              defaultValue = "main",
              description = "Name or id (default: main).")
          String branch,
      @Option(
              names = "--rel",
              paramLabel = "SPC/DB/REL",
              required = true,
              description = "Tablespace, database and file number: 1663/5/16384.")
          RelationTag relation,
      @Option(
              names = "--fork",
              paramLabel = "FORK",
              defaultValue = "main",
              description = "main (default), fsm, vm or init.")
          Fork fork,
      @Option(names = "--block", paramLabel = "N", required = true, description = "From 0.")
          long block,
      @Option(
              names = "--at",
              paramLabel = "LSN",
              description = "As of this LSN; the newest state if absent.")
          Lsn at,
      @Option(names = "--raw", description = "Writes the 8192 bytes as they are.") boolean raw)
      throws StorageException, CommandFailure {
    if (block < 0 || block >= 0xFFFF_FFFFL) {
      throw new StorageException.Invalid(
          "not a block number: %d (expected 0 to 4294967294)".formatted(block));
    }
    try (PageserverClient client = session().pageserver()) {
      BranchInfo info = client.getBranch(session().tenant(client).id(), branch);
      Lsn lsn = at == null ? info.lastRecordLsn() : at;
      RelationTag tag = relation.withFork(fork);
      byte[] page = client.getPage(info.id(), tag, (int) block, lsn);
      if (raw) {
        output().out().write(page, 0, page.length);
        output().out().flush();
      } else if (output().isJson()) {
        output().json(json(tag, block, lsn, page));
      } else {
        output().print(dump(tag, block, lsn, page));
      }
    }
  }

  /** The page's own LSN: where it was last changed, at or before the LSN asked for. */
  private static Lsn pageLsn(byte[] page) {
    ByteBuffer header = ByteBuffer.wrap(page).order(ByteOrder.LITTLE_ENDIAN);
    return new Lsn(((header.getInt(0) & 0xFFFF_FFFFL) << 32) | (header.getInt(4) & 0xFFFF_FFFFL));
  }

  private static Map<String, Object> json(RelationTag tag, long block, Lsn lsn, byte[] page) {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("relation", tag.toString());
    json.put("block", block);
    json.put("lsn", lsn.toString());
    json.put("page_lsn", pageLsn(page).toString());
    json.put("hex", HexFormat.of().formatHex(page));
    return json;
  }

  private static String dump(RelationTag tag, long block, Lsn lsn, byte[] page) {
    StringBuilder text = new StringBuilder();
    text.append(
        "relation %s block %s as of %s, last changed at %s%n"
            .formatted(tag, Texts.count(block), lsn, pageLsn(page)));
    if (isZero(page)) {
      return text.append(
              "8192 zeros: the block is past the end, or was never written%n".formatted())
          .toString();
    }
    boolean skipping = false;
    for (int line = 0; line < page.length; line += BYTES_IN_LINE) {
      boolean isZero = isZero(page, line);
      if (isZero && skipping) {
        continue;
      }
      skipping = isZero;
      text.append(isZero ? "*%n".formatted() : line(page, line));
    }
    return text.toString();
  }

  private static boolean isZero(byte[] page) {
    for (int line = 0; line < page.length; line += BYTES_IN_LINE) {
      if (!isZero(page, line)) {
        return false;
      }
    }
    return true;
  }

  private static boolean isZero(byte[] page, int from) {
    for (int i = from; i < from + BYTES_IN_LINE; i++) {
      if (page[i] != 0) {
        return false;
      }
    }
    return true;
  }

  private static String line(byte[] page, int from) {
    StringBuilder hex = new StringBuilder();
    StringBuilder characters = new StringBuilder();
    for (int i = from; i < from + BYTES_IN_LINE; i++) {
      hex.append(i % 8 == 0 ? " " : "").append("%02x ".formatted(page[i] & 0xFF));
      characters.append(page[i] >= 0x20 && page[i] < 0x7F ? (char) page[i] : '.');
    }
    return "%04x %s |%s|%n".formatted(from, hex, characters);
  }
}
