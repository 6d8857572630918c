package io.coppice.cli.command;

import io.coppice.cli.Session;
import io.coppice.cli.output.CommandFailure;
import io.coppice.cli.output.ExitCode;
import io.coppice.compute.endpoint.EndpointState;
import io.coppice.compute.endpoint.EndpointStatus;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code coppice connection-string}. */
@Command(
    name = "connection-string",
    aliases = "cs",
    description = "Prints how to connect to the endpoint of a branch.")
public final class ConnectionStringCommand implements Callable<Integer> {
  private final Session session;

  @Parameters(paramLabel = "BRANCH", description = "Name or id.")
  private String branch = "";

  @Option(
      names = "--database",
      paramLabel = "NAME",
      description = "Which database (default: postgres).")
  private String database = "postgres";

  public ConnectionStringCommand(Session session) {
    this.session = session;
  }

  @Override
  public Integer call() throws Exception {
    EndpointState state = EndpointCommand.find(session, branch);
    if (state.status() != EndpointStatus.RUNNING) {
      throw new CommandFailure(
          ExitCode.PRECONDITION,
          "the endpoint of branch \"%s\" is not running, it is %s%s"
              .formatted(
                  state.branch(),
                  state.status(),
                  state.reason().isEmpty() ? "" : ": " + state.reason()));
    }
    session.output().text("connection_string", state.connectionString(database));
    return ExitCode.OK.number();
  }
}
