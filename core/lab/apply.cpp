// The parts of apply() that do not depend on the backend.
#include "lab/apply.h"

namespace memblock::lab {

namespace {

// Tens of thousands at a time: no list is made of each first.
void put_four(std::vector<uint64_t>& out, uint64_t a, uint64_t b, uint64_t c, uint64_t d) {
  out.push_back(a);
  out.push_back(b);
  out.push_back(c);
  out.push_back(d);
}

}  // namespace

PageSink recording_sink(Observed& observed) {
  PageSink sink;
  sink.context = &observed;
  sink.free_pages = [](void* context, uint64_t pfn, unsigned order) {
    auto& out = static_cast<Observed*>(context)->handover;
    put_four(out, 0, pfn, order, ~uint64_t{0});
  };
  sink.keep_pages = [](void* context, const PfnRange& pages) {
    auto& out = static_cast<Observed*>(context)->handover;
    put_four(out, 1, pages.first, pages.last, detail::as_value(pages.nid));
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
