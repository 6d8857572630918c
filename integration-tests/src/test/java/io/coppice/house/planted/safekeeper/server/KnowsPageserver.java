package io.coppice.house.planted.safekeeper.server;

/** Breaks a rule on purpose. */
final class KnowsPageserver {
  private KnowsPageserver() {}

  static int count() {
    return io.coppice.house.planted.pageserver.layer.Layers.count()
        + io.coppice.house.planted.compute.Endpoints.count()
        + io.coppice.house.planted.cli.Commands.count()
        + io.coppice.house.planted.bench.Figures.count();
  }
}
