// What embedders leave out or do behind memblock's back: callbacks that are null, a late allocator
// that runs dry, tables without storage, regions edited from outside, damage.
#include <rapidcheck.h>

#include <array>
#include <cstdlib>
#include <functional>
#include <vector>

#include "memblock/memblock.h"
#include "props/rc.h"

namespace memblock::lab {
namespace {

constexpr uint64_t kPage = 4096;

PhysRange pages(uint64_t first, uint64_t count) {
  return PhysRange::from_size(PhysAddr{first * kPage}, count * kPage);
}

/// A memblock on plain arrays, with whatever platform a law wants.
struct Plain {
  explicit Plain(const Platform& platform, size_t capacity = 4, size_t physmem_capacity = 0)
      : memory(capacity),
        reserved(capacity),
        physmem(physmem_capacity),
        memblock({memory, reserved, physmem}, platform) {}

  std::vector<Region> memory, reserved, physmem;
  FlatMemblock memblock;
};

/// A late allocator that serves as often as it is told to.
struct Late {
  int left = 0;
  std::vector<void*> given;

  ~Late() {
    for (void* pointer : given) std::free(pointer);
  }

  Platform platform(bool takes_back) {
    Platform out;
    out.context = this;
    out.late_alloc = [](void* context, uint64_t bytes) -> void* {
      auto* self = static_cast<Late*>(context);
      if (self->left-- <= 0) return nullptr;
      self->given.push_back(std::malloc(bytes));
      return self->given.back();
    };
    if (takes_back) {
      out.late_free = [](void* context, void* pointer, uint64_t) {
        std::erase(static_cast<Late*>(context)->given, pointer);
        std::free(pointer);
      };
    }
    return out;
  }
};

void reserve_lone_pages(FlatMemblock& memblock, uint64_t count) {
  for (uint64_t i = 0; i < count; ++i) {
    RC_ASSERT(memblock.reserve(pages(2 * i + 2, 1)) == Status::Ok);
  }
}

bool null_laws() {
  bool ok = true;
  ok &= holds("without any callback all works but growth and pointers", [] {
    Plain plain{Platform{}};
    FlatMemblock& m = plain.memblock;
    m.set_trace(true);
    RC_ASSERT(m.add(pages(1, 100), NodeId{0}) == Status::Ok);
    RC_ASSERT(m.add(pages(0, 102), NodeId{1}) == Status::Ok);  // Warns nobody.
    RC_ASSERT(m.alloc(64, 0).ok());                            // Warns, and clears nothing.
    int here = 0;
    RC_ASSERT(m.free_virt(&here, 4) == Status::Invalid);
    RC_ASSERT(m.free_virt(nullptr, 4) == Status::Ok);
    RC_ASSERT(m.free(pages(0, 200)) == Status::Ok);
    reserve_lone_pages(m, 4);
    m.allow_resize();
    RC_ASSERT(m.reserve(pages(50, 1)) == Status::TableFull);
    m.set_late_allocator_up();
    RC_ASSERT(m.reserve(pages(50, 1)) == Status::TableFull);
    RC_ASSERT(!m.validate_numa_coverage(0) || m.bytes_without_node() == 0u);
    m.dump();
    // A sink that does not listen is counted for all the same.
    RC_ASSERT(m.free_all(PageSink{}) == 102u - 4u);
    RC_ASSERT(m.free_late(pages(2, 1)) == Status::Ok);
    m.discard();
    RC_ASSERT(m.is_valid());
  });
  ok &= holds("a table without storage is full, and cannot be doubled", [] {
    Plain plain{Platform{}, 4, 0};
    plain.memblock.allow_resize();
    RC_ASSERT(plain.memblock.physmem_add(pages(1, 1)) == Status::TableFull);
    RC_ASSERT(plain.memblock.physmem().empty());
  });
  ok &= holds("memory that cannot be touched is not cleared and not grown into", [] {
    Platform platform;
    platform.phys_to_virt = [](void*, PhysRange) -> void* { return nullptr; };
    Plain plain{platform, 2};
    FlatMemblock& m = plain.memblock;
    m.allow_resize();
    RC_ASSERT(m.add(pages(1, 100)) == Status::Ok);
    RC_ASSERT(m.alloc(kPage, kPage).ok());
    RC_ASSERT(m.reserve(pages(2, 1)) == Status::Ok);
    RC_ASSERT(m.reserve(pages(4, 1)) == Status::TableFull);
    RC_ASSERT(m.reserved().size() == 2u);
  });
  return ok;
}

bool late_laws() {
  bool ok = true;
  ok &= holds("a late allocator that has nothing left makes growth fail", [](bool takes_back) {
    const int serves = *rc::gen::inRange(0, 4);
    Late late;
    late.left = serves;
    Plain plain{late.platform(takes_back)};
    FlatMemblock& m = plain.memblock;
    m.allow_resize();
    m.set_late_allocator_up();
    const uint64_t room = uint64_t{4} << serves;
    reserve_lone_pages(m, room);
    const std::vector<Region> before{m.reserved().begin(), m.reserved().end()};
    RC_ASSERT(m.reserve(pages(2 * room + 4, 1)) == Status::TableFull);
    RC_ASSERT(std::equal(before.begin(), before.end(), m.reserved().begin(), m.reserved().end()));
    RC_ASSERT(m.table(TableId::Reserved).capacity() == room);
    m.discard();
    RC_ASSERT(m.is_valid());
  });
  ok &= holds("storage that cannot be freed when a table leaves it stays reserved", [] {
    static std::array<Region, kPage / sizeof(Region)> grown;
    Late late;
    late.left = 1;
    Platform platform = late.platform(true);
    platform.phys_to_virt = [](void*, PhysRange) -> void* { return grown.data(); };
    Plain plain{platform, 4};
    FlatMemblock& m = plain.memblock;
    m.allow_resize();
    for (uint64_t i = 0; i < 5; ++i) {
      RC_ASSERT(m.add(pages(100 * (i + 1), 50)) == Status::Ok);
    }
    RC_ASSERT(m.reserved().size() == 1u);
    const Region storage = m.reserved()[0];
    reserve_lone_pages(m, 3);
    m.set_late_allocator_up();
    for (uint64_t i = 5; i < 9; ++i) {
      RC_ASSERT(m.add(pages(100 * (i + 1), 50)) == Status::Ok);
    }
    // `memory` has moved; for the two spare slots that freeing asks for nothing was left.
    RC_ASSERT(m.table(TableId::Memory).capacity() == 16u);
    RC_ASSERT(m.is_region_reserved(storage.range()));
    RC_ASSERT(m.reserved().size() == 4u);
  });
  return ok;
}

bool outside_laws() {
  bool ok = true;
  ok &= holds("adopt: regions edited from outside are the table from then on", [] {
    Plain plain{Platform{}, 8};
    FlatMemblock& m = plain.memblock;
    reserve_lone_pages(m, 5);
    RC_ASSERT(m.is_reserved(PhysAddr{2 * kPage}));
    const std::span<Region> storage = m.table(TableId::Reserved).storage();
    // Nothing changed: nothing happens.
    m.adopt(TableId::Reserved, storage, 5, 5 * kPage, PhysRange{});
    RC_ASSERT(m.reserved_size() == 5 * kPage);
    // Two regions, elsewhere.
    storage[0] = Region{PhysAddr{64 * kPage}, kPage, kNoFlags, kUnsetNode};
    storage[1] = Region{PhysAddr{70 * kPage}, 2 * kPage, kNoFlags, kUnsetNode};
    m.adopt(TableId::Reserved, storage, 2, 3 * kPage, PhysRange{});
    RC_ASSERT(m.is_valid());
    RC_ASSERT(!m.is_reserved(PhysAddr{2 * kPage}));
    RC_ASSERT(m.is_reserved(PhysAddr{71 * kPage}));
    RC_ASSERT(m.reserve(pages(65, 5)) == Status::Ok);
    RC_ASSERT(m.reserved().size() == 1u);
    // The same regions in other storage, with more room.
    std::vector<Region> roomier{m.reserved().begin(), m.reserved().end()};
    roomier.resize(32);
    m.adopt(TableId::Reserved, roomier, 1, 8 * kPage, PhysRange{});
    RC_ASSERT(m.table(TableId::Reserved).capacity() == 32u);
    RC_ASSERT(m.table(TableId::Reserved).storage().data() == roomier.data());
    // Only the room differs, only the total differs: still looked at.
    m.adopt(TableId::Reserved, std::span{roomier}.first(16), 1, 8 * kPage, PhysRange{});
    RC_ASSERT(m.table(TableId::Reserved).capacity() == 16u);
    m.adopt(TableId::Reserved, std::span{roomier}.first(16), 1, 7 * kPage, PhysRange{});
    RC_ASSERT(m.first_broken_invariant() == 15);
    m.discard();
    m.adopt(TableId::Reserved, roomier, 1, 8 * kPage, PhysRange{});
    RC_ASSERT(m.reserved().empty());
  });
  ok &= holds("first_broken_invariant: damage is found in each table, by its number", [] {
    const auto broken_by = [](const std::function<void(FlatMemblock&)>& damage) {
      Plain plain{Platform{}, 4, 4};
      FlatMemblock& m = plain.memblock;
      RC_ASSERT(m.add(pages(1, 1)) == Status::Ok);
      RC_ASSERT(m.reserve(pages(1, 1)) == Status::Ok);
      RC_ASSERT(m.physmem_add(pages(1, 1)) == Status::Ok);
      RC_ASSERT(m.is_valid());
      damage(m);
      RC_ASSERT(!m.is_valid());
      return m.first_broken_invariant();
    };
    const auto empty_region_of = [](TableId id) {
      return [id](FlatMemblock& m) { m.table(id).storage()[0].size = 0; };
    };
    RC_ASSERT(broken_by(empty_region_of(TableId::Memory)) == 2);
    RC_ASSERT(broken_by(empty_region_of(TableId::Reserved)) == 12);
    RC_ASSERT(broken_by(empty_region_of(TableId::Physmem)) == 22);
    RC_ASSERT(broken_by([](FlatMemblock& m) {
                static std::array<Region, 4> elsewhere;
                elsewhere[0] = m.reserved()[0];
                m.adopt(TableId::Reserved, elsewhere, 1, kPage, pages(9, 1));
              }) == 31);
  });
  ok &= holds("a zone that begins or ends beyond the address space is cut there", [] {
    Plain plain{Platform{}};
    FlatMemblock& m = plain.memblock;
    RC_ASSERT(m.add(pages(1, 3), NodeId{0}) == Status::Ok);
    PfnRange found;
    FlatMemblock::ZoneWalk all = m.free_pfns_in_zone(PfnRange{2, ~uint64_t{0}, kNoNode});
    RC_ASSERT(all.next(found));
    RC_ASSERT(found.first == 2u && found.last == 4u);
    RC_ASSERT(!all.next(found));
    FlatMemblock::ZoneWalk none =
        m.free_pfns_in_zone(PfnRange{~uint64_t{0} - 5, ~uint64_t{0}, kNoNode});
    RC_ASSERT(!none.next(found));
  });
  return ok;
}

}  // namespace
}  // namespace memblock::lab

int main() {
  bool ok = memblock::lab::null_laws();
  ok &= memblock::lab::late_laws();
  ok &= memblock::lab::outside_laws();
  return ok ? 0 : 1;
}
