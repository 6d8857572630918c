package io.coppice.house.planted.pageserver.ingest;

/** Breaks a rule on purpose. */
final class KnowsLayers {
  private KnowsLayers() {}

  static int count(io.grpc.Status status) {
    System.out.println(status);
    return io.coppice.house.planted.pageserver.layer.Layers.count();
  }
}
