package io.coppice.pageserver.server;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.TenantId;
import io.coppice.pageserver.tenant.TenantManager;
import io.coppice.pageserver.timeline.Timeline;
import io.coppice.proto.v1.ListBranchesRequest;
import io.coppice.proto.v1.ListBranchesResponse;
import java.util.Iterator;

/** Lists branches in order of name, so many at a time, so that each answer fits a message. */
final class BranchListing {
  private static final int PAGE_SIZE_MAX = 1_000;

  private final TenantManager tenants;
  private final BranchSizes sizes;

  BranchListing(TenantManager tenants, BranchSizes sizes) {
    this.tenants = tenants;
    this.sizes = sizes;
  }

  /** One page. */
  ListBranchesResponse list(ListBranchesRequest request) throws StorageException {
    int asked = request.getPageSize();
    int most = asked <= 0 ? PAGE_SIZE_MAX : Math.min(asked, PAGE_SIZE_MAX);
    ListBranchesResponse.Builder response = ListBranchesResponse.newBuilder();
    BranchSizes.Budget budget = sizes.budget();
    Iterator<Timeline> left =
        tenants.branches(TenantId.parse(request.getTenantId()), request.getAfter()).iterator();
    while (left.hasNext() && response.getBranchesCount() < most) {
      Timeline timeline = left.next();
      response.addBranches(
          Wire.branch(timeline, tenants, sizes.sharedBytes(timeline), budget.find(timeline)));
    }
    if (left.hasNext()) {
      response.setNext(response.getBranches(response.getBranchesCount() - 1).getName());
    }
    return response.build();
  }
}
