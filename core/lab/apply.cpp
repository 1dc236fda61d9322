// The parts of apply() that do not depend on the backend.
#include "lab/apply.h"

namespace memblock::lab {

PageSink recording_sink(Observed& observed) {
  PageSink sink;
  sink.context = &observed;
  sink.free_pages = [](void* context, uint64_t pfn, unsigned order) {
    auto& out = static_cast<Observed*>(context)->handover;
    out.insert(out.end(), {uint64_t{0}, pfn, uint64_t{order}, ~uint64_t{0}});
  };
  sink.keep_pages = [](void* context, const PfnRange& pages) {
    auto& out = static_cast<Observed*>(context)->handover;
    out.insert(out.end(), {uint64_t{1}, pages.first, pages.last, detail::as_value(pages.nid)});
  };
  return sink;
}

AllocRequest request_of(const Op& op) {
  AllocRequest request;
  request.size = op.size;
  request.align = op.align;
  request.min = op.min;
  request.max = op.max;
  request.nid = op.nid;
  request.exact_nid = op.exact;
  request.within_limit = op.within_limit;
  request.retry_below_min = op.retry_below_min;
  request.zero = op.zero;
  return request;
}

PhysRange window_of(const Op& op) {
  if (op.max > kUpToLimitNoLeakTrace) return PhysRange{op.min, op.max};
  return PhysRange{op.min, kPhysAddrMax};
}

X86BootLayout layout_of(const Op& op) {
  X86BootLayout layout;
  layout.kernel_image = op.range;
  layout.initrd = op.initrd;
  layout.setup_data = op.setup_data;
  layout.bios = op.bios;
  return layout;
}

}  // namespace memblock::lab
