package io.coppice.safekeeper.client;

import com.google.protobuf.ByteString;
import com.google.protobuf.UnsafeByteOperations;
import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.TenantId;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.common.id.TimelineId;
import io.coppice.proto.v1.AppendRequest;
import io.coppice.proto.v1.ProposerElected;
import io.coppice.proto.v1.ProposerGreeting;
import io.coppice.proto.v1.ProposerMessage;
import io.coppice.safekeeper.consensus.Request;
import io.coppice.safekeeper.consensus.TimelineProperties;

/** A proposer's requests on the wire. */
public final class RequestCodec {

  private RequestCodec() {}

  /** The data of an append is not copied: it must not change any more. */
  public static ProposerMessage toProto(Request request) {
    ProposerMessage.Builder message = ProposerMessage.newBuilder();
    return switch (request) {
      case Request.Greeting greeting -> message.setGreeting(toProto(greeting)).build();
      case Request.VoteRequest(int generation, long term) ->
          message
              .setVoteRequest(
                  io.coppice.proto.v1.VoteRequest.newBuilder()
                      .setConfigurationGeneration(generation)
                      .setTerm(term))
              .build();
      case Request.Elected elected ->
          message
              .setElected(
                  ProposerElected.newBuilder()
                      .setConfigurationGeneration(elected.generation())
                      .setTerm(elected.term())
                      .setStartStreamingAt(elected.startStreamingAt().value())
                      .addAllTermHistory(HistoryCodec.toProto(elected.history())))
              .build();
      case Request.Append append ->
          message
              .setAppend(
                  AppendRequest.newBuilder()
                      .setConfigurationGeneration(append.generation())
                      .setTerm(append.term())
                      .setBeginLsn(append.begin().value())
                      .setCommitLsn(append.commitLsn().value())
                      .setTruncateLsn(append.truncateLsn().value())
                      .setData(
                          append.data().hasRemaining()
                              ? UnsafeByteOperations.unsafeWrap(append.data())
                              : ByteString.EMPTY))
              .build();
    };
  }

  private static ProposerGreeting toProto(Request.Greeting greeting) {
    TimelineProperties properties = greeting.properties();
    return ProposerGreeting.newBuilder()
        .setTenantId(properties.id().tenant().toString())
        .setTimelineId(properties.id().timeline().toString())
        .setConfigurationGeneration(greeting.generation())
        .setPgVersion(properties.postgresMajor())
        .setSystemId(properties.systemId())
        .setWalSegmentSizeBytes(properties.walSegmentSizeBytes())
        .setTimelineStartLsn(properties.startLsn().value())
        .setCreate(greeting.create())
        .setCreation(properties.creation())
        .setTerm(greeting.term())
        .build();
  }

  /**
   * Reads a request.
   *
   * @throws StorageException.Invalid if it cannot be one
   */
  public static Request fromProto(ProposerMessage message) throws StorageException.Invalid {
    try {
      return switch (message.getMessageCase()) {
        case GREETING -> fromProto(message.getGreeting());
        case VOTE_REQUEST ->
            new Request.VoteRequest(
                message.getVoteRequest().getConfigurationGeneration(),
                message.getVoteRequest().getTerm());
        case ELECTED ->
            new Request.Elected(
                message.getElected().getConfigurationGeneration(),
                message.getElected().getTerm(),
                new Lsn(message.getElected().getStartStreamingAt()),
                HistoryCodec.fromProto(message.getElected().getTermHistoryList()));
        case APPEND ->
            new Request.Append(
                message.getAppend().getConfigurationGeneration(),
                message.getAppend().getTerm(),
                new Lsn(message.getAppend().getBeginLsn()),
                new Lsn(message.getAppend().getCommitLsn()),
                new Lsn(message.getAppend().getTruncateLsn()),
                message.getAppend().getData().asReadOnlyByteBuffer());
        case MESSAGE_NOT_SET -> throw new IllegalArgumentException("a proposer's message is empty");
      };
    } catch (IllegalArgumentException malformed) {
      throw new StorageException.Invalid(String.valueOf(malformed.getMessage()));
    }
  }

  private static Request fromProto(ProposerGreeting greeting) {
    return new Request.Greeting(
        greeting.getConfigurationGeneration(),
        greeting.getTerm(),
        new TimelineProperties(
            new TenantTimelineId(
                TenantId.parse(greeting.getTenantId()), TimelineId.parse(greeting.getTimelineId())),
            greeting.getPgVersion(),
            greeting.getSystemId(),
            greeting.getWalSegmentSizeBytes(),
            new Lsn(greeting.getTimelineStartLsn()),
            greeting.getCreation()),
        greeting.getCreate());
  }
}
