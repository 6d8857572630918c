package io.coppice.safekeeper.client;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.proto.v1.AcceptorGreeting;
import io.coppice.proto.v1.AcceptorMessage;
import io.coppice.proto.v1.AppendResponse;
import io.coppice.proto.v1.ElectedResponse;
import io.coppice.proto.v1.VoteResponse;
import io.coppice.safekeeper.consensus.NodeId;
import io.coppice.safekeeper.consensus.Reply;

/** An acceptor's replies on the wire. */
public final class ReplyCodec {

  private ReplyCodec() {}

  public static AcceptorMessage toProto(Reply reply) {
    AcceptorMessage.Builder message = AcceptorMessage.newBuilder();
    return switch (reply) {
      case Reply.Greeted(int generation, NodeId node, long term) ->
          message
              .setGreeting(
                  AcceptorGreeting.newBuilder()
                      .setConfigurationGeneration(generation)
                      .setNodeId(node.value())
                      .setTerm(term))
              .build();
      case Reply.Vote vote ->
          message
              .setVoteResponse(
                  VoteResponse.newBuilder()
                      .setConfigurationGeneration(vote.generation())
                      .setTerm(vote.term())
                      .setGranted(vote.granted())
                      .setFlushLsn(vote.flushLsn().value())
                      .setTruncateLsn(vote.truncateLsn().value())
                      .setCommitLsn(vote.commitLsn().value())
                      .addAllTermHistory(HistoryCodec.toProto(vote.history())))
              .build();
      case Reply.Following(int generation, long term, Lsn flushLsn) ->
          message
              .setElected(
                  ElectedResponse.newBuilder()
                      .setConfigurationGeneration(generation)
                      .setTerm(term)
                      .setFlushLsn(flushLsn.value()))
              .build();
      case Reply.Appended appended ->
          message
              .setAppend(
                  AppendResponse.newBuilder()
                      .setConfigurationGeneration(appended.generation())
                      .setTerm(appended.term())
                      .setFlushLsn(appended.flushLsn().value())
                      .setDurableLsn(appended.durableLsn().value())
                      .setCommitLsn(appended.commitLsn().value()))
              .build();
    };
  }

  /**
   * Reads a reply.
   *
   * @throws StorageException.Invalid if it cannot be one
   */
  public static Reply fromProto(AcceptorMessage message) throws StorageException.Invalid {
    try {
      return switch (message.getMessageCase()) {
        case GREETING ->
            new Reply.Greeted(
                message.getGreeting().getConfigurationGeneration(),
                new NodeId(message.getGreeting().getNodeId()),
                message.getGreeting().getTerm());
        case VOTE_RESPONSE -> fromProto(message.getVoteResponse());
        case ELECTED ->
            new Reply.Following(
                message.getElected().getConfigurationGeneration(),
                message.getElected().getTerm(),
                new Lsn(message.getElected().getFlushLsn()));
        case APPEND ->
            new Reply.Appended(
                message.getAppend().getConfigurationGeneration(),
                message.getAppend().getTerm(),
                new Lsn(message.getAppend().getFlushLsn()),
                new Lsn(message.getAppend().getDurableLsn()),
                new Lsn(message.getAppend().getCommitLsn()));
        case MESSAGE_NOT_SET ->
            throw new IllegalArgumentException("a safekeeper's message is empty");
      };
    } catch (IllegalArgumentException malformed) {
      throw new StorageException.Invalid(String.valueOf(malformed.getMessage()));
    }
  }

  private static Reply fromProto(VoteResponse vote) {
    return new Reply.Vote(
        vote.getConfigurationGeneration(),
        vote.getTerm(),
        vote.getGranted(),
        new Lsn(vote.getFlushLsn()),
        new Lsn(vote.getTruncateLsn()),
        new Lsn(vote.getCommitLsn()),
        HistoryCodec.fromProto(vote.getTermHistoryList()));
  }
}
