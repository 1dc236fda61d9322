// Laws of the E820 table, its command line, loading it into memblock, and named reservations.
#include <rapidcheck.h>

#include <array>
#include <iostream>
#include <map>
#include <random>

#include "lab/bootlog.h"
#include "lab/e820_case.h"
#include "lab/plain_machine.h"
#include "memblock/named_reservations.h"
#include "memblock/parse_size.h"
#include "props/cases.h"

namespace memblock::lab {
namespace {

/// A sentence that is true, and what tries to make it false.
struct Law {
  const char* sentence;
  void (*attempt)();
};

/// RapidCheck as the source of choices: what it picks, it also shrinks.
class RcChoices : public Choices {
 public:
  uint64_t below(uint64_t bound) override {
    // inRange() alone would begin every run with the simplest choices only.
    return *rc::gen::resize(rc::kNominalSize, rc::gen::inRange<uint64_t>(0, bound));
  }
};

rc::Gen<E820Case> cases(size_t ops_max) {
  return rc::gen::exec([ops_max] {
    RcChoices choices;
    return E820Generator{choices}.test(ops_max);
  });
}

/// Entries of a map that the table accepts, any number up to `count_max`.
rc::Gen<std::vector<E820Entry>> maps(size_t count_max) {
  return rc::gen::exec([count_max] {
    RcChoices choices;
    E820Generator generator{choices};
    std::vector<E820Entry> entries;
    const uint64_t count = choices.below(count_max + 1);
    while (entries.size() < count) entries.push_back(generator.entry(false));
    return entries;
  });
}

rc::Gen<std::string> options() {
  return rc::gen::exec([] {
    RcChoices choices;
    E820Generator generator{choices};
    return generator.option();
  });
}

void fill(E820Table& table, const std::vector<E820Entry>& entries) {
  for (const E820Entry& entry : entries) RC_ASSERT(table.append(entry) == Status::Ok);
}

std::vector<E820Entry> copy(const E820Table& table) {
  return {table.entries().begin(), table.entries().end()};
}

unsigned __int128 bytes_of(const E820Table& table, E820Type type) {
  unsigned __int128 bytes = 0;
  for (const E820Entry& entry : table.entries()) {
    if (entry.type == type) bytes += entry.size;
  }
  return bytes;
}

// ---- Table --------------------------------------------------------------------------------------

const Law kTableLaws[] = {
    {"E820: every answer and every table is the model's; an error changes nothing",
     [] {
       const E820Case test = *cases(12);
       const auto difference = first_difference(test);
       if (difference) RC_FAIL(difference->report);
     }},

    {"E820 sanitize: each byte has the highest type that claims it",
     [] {
       // A world of 64 bytes, so that every byte can be looked at.
       struct Claim {
         uint64_t first, size;
         uint32_t type;
       };
       const auto claims = *rc::gen::container<std::vector<Claim>>(rc::gen::map(
           rc::gen::tuple(rc::gen::inRange<uint64_t>(0, 60), rc::gen::inRange<uint64_t>(0, 5),
                          rc::gen::element<uint32_t>(0, 1, 2, 3, 12, 0xefffffff)),
           [](const std::tuple<uint64_t, uint64_t, uint32_t>& t) {
             return Claim{std::get<0>(t), std::get<1>(t) * std::get<1>(t) % 5, std::get<2>(t)};
           }));
       std::array<uint32_t, 64> highest{};
       CoreE820 core{claims.size() * 2 + 1};
       for (const Claim& claim : claims) {
         for (uint64_t i = 0; i < claim.size; ++i) {
           highest[claim.first + i] = std::max(highest[claim.first + i], claim.type);
         }
         RC_ASSERT(core.table.append({PhysAddr{claim.first}, claim.size, E820Type{claim.type}}) ==
                   Status::Ok);
       }
       RC_ASSERT(core.table.sanitize() == Status::Ok);
       std::array<uint32_t, 64> found{};
       for (const E820Entry& entry : core.table.entries()) {
         for (uint64_t i = 0; i < entry.size; ++i) {
           found[entry.base.value + i] = static_cast<uint32_t>(entry.type);
         }
       }
       RC_ASSERT(found == highest);
     }},

    {"E820 sanitize: sorted, disjoint, joined, and twice is once",
     [] {
       const auto entries = *maps(40);
       CoreE820 core{entries.size() * 2 + 1};
       fill(core.table, entries);
       RC_ASSERT(core.table.sanitize() == Status::Ok);
       const auto wrong = unsanitised(core.table.entries());
       if (wrong) RC_FAIL(*wrong);
       const auto once = copy(core.table);
       RC_ASSERT(core.table.sanitize() == Status::Ok);
       RC_ASSERT(copy(core.table) == once);
     }},

    {"E820 sanitize: the order of the entries does not matter",
     [] {
       auto entries = *maps(12);
       CoreE820 one{entries.size() * 2 + 1};
       CoreE820 two{entries.size() * 2 + 1};
       fill(one.table, entries);
       std::reverse(entries.begin(), entries.end());
       const auto turn = *rc::gen::inRange<size_t>(0, entries.size() + 1);
       std::rotate(entries.begin(), entries.begin() + static_cast<ptrdiff_t>(turn), entries.end());
       fill(two.table, entries);
       RC_ASSERT(one.table.sanitize() == Status::Ok);
       RC_ASSERT(two.table.sanitize() == Status::Ok);
       RC_ASSERT(copy(one.table) == copy(two.table));
     }},

    {"E820 sanitize: the table is large enough, or as it was",
     [] {
       const auto entries = *maps(10);
       CoreE820 roomy{entries.size() * 2 + 1};
       fill(roomy.table, entries);
       RC_ASSERT(roomy.table.sanitize() == Status::Ok);
       const size_t capacity = entries.size() + *rc::gen::inRange<size_t>(0, 3);
       CoreE820 tight{capacity};
       fill(tight.table, entries);
       if (roomy.table.count() <= capacity) {
         RC_ASSERT(tight.table.sanitize() == Status::Ok);
         RC_ASSERT(copy(tight.table) == copy(roomy.table));
       } else {
         RC_CLASSIFY(true, "full");
         RC_ASSERT(tight.table.sanitize() == Status::TableFull);
         RC_ASSERT(copy(tight.table) == entries);
       }
     }},

    {"E820: full tables of the kernel's own sizes",
     [] {
       // The extended size now and then: the model looks at every edge of every entry.
       const bool extended = *rc::gen::resize(rc::kNominalSize, rc::gen::inRange(0, 200)) == 199;
       const size_t capacity = extended ? kE820EntriesMax : kE820EntriesZeroPage;
       const auto missing = *rc::gen::inRange<size_t>(0, 2);
       const auto pages_max = *rc::gen::element<uint64_t>(1, 2, 6);
       const uint64_t pages = capacity * *rc::gen::element<uint64_t>(4, 16);
       std::minstd_rand random{*rc::gen::arbitrary<uint32_t>()};
       CoreE820 core{capacity};
       ModelE820Map model{capacity};
       // RAM below everything else: then most entries make two pieces of one.
       const E820Entry all{PhysAddr{0}, *rc::gen::element<uint64_t>(0, pages << 12), E820Type::Ram};
       RC_ASSERT(core.table.append(all) == Status::Ok);
       RC_ASSERT(model.table.append(all) == Status::Ok);
       while (core.table.count() < capacity - missing) {
         const E820Entry entry{PhysAddr{random() % pages << 12}, (1 + random() % pages_max) << 12,
                               static_cast<E820Type>(1 + random() % 3)};
         RC_ASSERT(core.table.append(entry) == Status::Ok);
         RC_ASSERT(model.table.append(entry) == Status::Ok);
       }
       const Status status = core.table.sanitize();
       RC_CLASSIFY(status == Status::TableFull, "full");
       RC_ASSERT(status == model.table.sanitize());
       RC_ASSERT(copy(core.table) == model.table.entries());
       while (core.table.append({PhysAddr{0}, 1, E820Type::Ram}) == Status::Ok) {
         RC_ASSERT(model.table.append({PhysAddr{0}, 1, E820Type::Ram}) == Status::Ok);
       }
       RC_ASSERT(core.table.count() == capacity);
       RC_ASSERT(model.table.append({PhysAddr{0}, 1, E820Type::Ram}) == Status::TableFull);
     }},

    {"E820 update, remove: as many bytes change type as the answer says",
     [] {
       const auto entries = *maps(12);
       CoreE820 core{entries.size() * 3 + 1};
       fill(core.table, entries);
       RcChoices choices;
       E820Generator generator{choices};
       const E820Entry window = generator.entry(false);
       const auto ram = bytes_of(core.table, E820Type::Ram);
       const auto reserved = bytes_of(core.table, E820Type::Reserved);
       const auto changed =
           core.table.update(window.base, window.size, E820Type::Ram, E820Type::Reserved);
       RC_PRE(changed.ok() && changed.value() != ~uint64_t{0});
       RC_ASSERT(bytes_of(core.table, E820Type::Ram) == ram - changed.value());
       RC_ASSERT(bytes_of(core.table, E820Type::Reserved) == reserved + changed.value());
       const auto dropped = core.table.remove(window.base, window.size, E820Type::Reserved);
       RC_PRE(dropped.ok() && dropped.value() != ~uint64_t{0});
       RC_ASSERT(bytes_of(core.table, E820Type::Reserved) ==
                 reserved + changed.value() - dropped.value());
       RC_ASSERT(dropped.value() >= changed.value());
     }},

    {"E820 remove: of any type leaves nothing there",
     [] {
       const auto entries = *maps(12);
       CoreE820 core{entries.size() * 2 + 1};
       fill(core.table, entries);
       RcChoices choices;
       E820Generator generator{choices};
       const PhysRange window = generator.range();
       RC_ASSERT(core.table.remove(window.base, window.size(), E820Type::None).ok());
       RC_ASSERT(!core.table.mapped_any(window, E820Type::None));
     }},
};

std::string as_dmesg(const E820Table& table) {
  std::string text = "[    0.000000] BIOS-provided physical RAM map:\n";
  for (const E820Entry& entry : table.entries()) {
    std::array<char, 128> line{};
    std::snprintf(line.data(), line.size(), "[    0.000000] BIOS-e820: [mem 0x%016lx-0x%016lx] %s",
                  entry.base.value, entry.last().value, e820_type_text(entry.type));
    text += line.data();
    if (std::string_view{e820_type_text(entry.type)} == "type") {
      text += " " + std::to_string(static_cast<uint32_t>(entry.type));
    }
    text += "\n";
  }
  return text;
}

const Law kPrintLaws[] = {
    {"E820: a map that is printed as the kernel prints it is read back",
     [] {
       const auto entries = *maps(12);
       CoreE820 core{entries.size() * 2 + 1};
       fill(core.table, entries);
       RC_ASSERT(core.table.sanitize() == Status::Ok);
       RC_PRE(core.table.count() != 0);
       std::vector<E820Entry> expected = copy(core.table);
       for (E820Entry& entry : expected) {
         // The kernel has one word for both.
         if (entry.type == E820Type::ReservedKern) entry.type = E820Type::Ram;
       }
       const auto boots = import_bootlog(as_dmesg(core.table), "printed");
       RC_ASSERT(boots.size() == 1u);
       RC_ASSERT(boots[0].trace.e820 == expected);
     }},
};

// ---- Command line -------------------------------------------------------------------------------

const Law kOptionLaws[] = {
    {"command line: any text does to the map what it does to the model's",
     [] {
       const auto entries = *maps(6);
       const auto texts = *rc::gen::container<std::vector<std::string>>(rc::gen::oneOf(
           options(), rc::gen::map(rc::gen::arbitrary<std::string>(),
                                   [](const std::string& text) { return "memmap=" + text; })));
       E820Case test;
       test.capacity = static_cast<uint32_t>(entries.size() + *rc::gen::inRange<size_t>(0, 6));
       for (const E820Entry& entry : entries) {
         Op op;
         op.code = OpCode::E820Append;
         op.min = entry.base;
         op.size = entry.size;
         op.type = entry.type;
         test.ops.push_back(op);
       }
       for (const std::string& text : texts) {
         Op op;
         op.code = OpCode::E820Option;
         op.text = text;
         test.ops.push_back(op);
       }
       Op finish;
       finish.code = OpCode::E820FinishOptions;
       test.ops.push_back(finish);
       const auto difference = first_difference(test);
       if (difference) RC_FAIL(difference->report);
     }},

    {"command line: a list does what its items do one by one",
     [] {
       const auto entries = *maps(6);
       const auto texts = *rc::gen::container<std::vector<std::string>>(options());
       CoreE820 listed{entries.size() + 3};
       CoreE820 single{entries.size() + 3};
       fill(listed.table, entries);
       fill(single.table, entries);
       std::string list;
       for (const std::string& text : texts) {
         if (text.starts_with("mem=") || text.find(',') != std::string::npos) continue;
         const std::string item = text.substr(std::string_view{"memmap="}.size());
         list += (list.empty() ? "" : ",") + item;
         static_cast<void>(single.options.memmap(item));
       }
       RC_PRE(!list.empty());
       static_cast<void>(listed.options.memmap(list));
       RC_ASSERT(copy(listed.table) == copy(single.table));
       RC_ASSERT(listed.options.user_defined() == single.options.user_defined());
     }},

    {"command line: a number is read back, in every spelling and with every unit",
     [] {
       const auto value = *rc::gen::arbitrary<uint64_t>() >> *rc::gen::inRange(0, 64);
       const auto power = *rc::gen::inRange<size_t>(0, 7);
       std::array<char, 32> digits{};
       const int base = *rc::gen::element(8, 10, 16);
       const char* const hex = *rc::gen::element("0x%lx", "0X%lX");
       const char* const format = base == 8 ? "0%lo" : base == 10 ? "%lu" : hex;
       std::snprintf(digits.data(), digits.size(), format, value);
       std::string text = digits.data();
       if (power != 0) text += *rc::gen::element(0, 1) != 0 ? "_KMGTPE"[power] : "_kmgtpe"[power];
       const std::string tail = *rc::gen::element<std::string>("", "@1M", "@", " ", "Q");
       text += tail;
       std::string_view rest = text;
       const auto read = parse_size(rest);
       // In base 16 an E is a digit, so that spelling says another number.
       RC_PRE(!(base == 16 && power == 6));
       const bool fits = power == 0 || value >> (64 - 10 * power) == 0;
       RC_ASSERT(read.ok() == fits);
       if (fits) RC_ASSERT(read.value() == value << (10 * power));
       RC_ASSERT(rest == (fits ? tail : text));
     }},
};

// ---- Boot steps and named reservations ----------------------------------------------------------

const Law kBootLaws[] = {
    {"load_e820: memory is the union of RAM, each run of it shrunk to whole pages",
     [] {
       const auto entries = *maps(12);
       CoreE820 core{entries.size() * 2 + 1};
       fill(core.table, entries);
       RC_ASSERT(core.table.sanitize() == Status::Ok);
       PlainMachine machine{64};
       RC_ASSERT(load_e820(machine.memblock, core.table) == Status::Ok);

       std::map<uint64_t, uint64_t> runs;  // Of RAM and what was made of it, by base.
       for (const E820Entry& entry : core.table.entries()) {
         if (entry.type != E820Type::Ram && entry.type != E820Type::ReservedKern) continue;
         const uint64_t end = PhysRange::from_size(entry.base, entry.size).end.value;
         if (!runs.empty() && runs.rbegin()->second == entry.base.value) {
           runs.rbegin()->second = end;
         } else {
           runs[entry.base.value] = end;
         }
       }
       uint64_t total = 0;
       std::vector<PhysRange> expected;
       for (const auto& [base, end] : runs) {
         const uint64_t first = base / 4096 + (base % 4096 != 0 ? 1 : 0);
         if (first >= end / 4096) continue;
         expected.push_back({PhysAddr{first * 4096}, PhysAddr{end / 4096 * 4096}});
         total += expected.back().size();
       }
       std::vector<PhysRange> found;
       for (const Region& region : machine.memblock.memory()) found.push_back(region.range());
       RC_ASSERT(found == expected);
       RC_ASSERT(machine.memblock.phys_mem_size() == total);
     }},

    {"load_e820, early_reserve: core and model do the same, also when tables are full",
     [] {
       const auto entries = *maps(8);
       const auto capacity = *rc::gen::inRange<size_t>(0, 10);
       const unsigned page_shift = *rc::gen::element(12u, 14u, 16u);
       RcChoices choices;
       E820Generator generator{choices};
       X86BootLayout layout;
       layout.kernel_image = generator.range();
       layout.initrd = choices.one_in(3) ? PhysRange{} : generator.range();
       layout.bios = choices.one_in(3) ? PhysRange{} : generator.range();
       std::vector<PhysRange> setup_data;
       for (uint64_t i = choices.below(4); i > 0; --i) setup_data.push_back(generator.range());
       layout.setup_data = setup_data;

       CoreE820 core{entries.size()};
       ModelE820Map model{entries.size()};
       fill(core.table, entries);
       for (const E820Entry& entry : entries) RC_ASSERT(model.table.append(entry) == Status::Ok);
       PlainMachine left{capacity, page_shift};
       PlainMachine right{capacity, page_shift};
       RC_ASSERT(memblock::early_reserve(left.memblock, layout) ==
                 early_reserve(right.plain, layout));
       RC_ASSERT(same_regions(left, right));
       RC_ASSERT(load_e820(left.memblock, core.table) == load_e820(right.plain, model.table));
       RC_ASSERT(same_regions(left, right));
       RC_ASSERT(left.memblock.can_resize());
     }},

    {"reserve_mem: any text gets what the model gets, and is found by its name",
     [] {
       const auto random_text = rc::gen::exec([] {
         RcChoices choices;
         const std::array<const char*, 8> sizes{"4096", "1M", "0", "0x2000",
                                                "64K",  "1E", "",  "16E"};
         const std::array<const char*, 8> aligns{"4096", "0", "3", "128", "96", "1M", "", "1E"};
         const std::array<const char*, 10> names{"a", "trace", "b b", " ",     "fifteen_letters",
                                                 "",  "a:b",   "\t",  "a\xff", "sixteen__letters"};
         std::string text = std::string(sizes[choices.below(8)]) + ":" + aligns[choices.below(8)] +
                            ":" + names[choices.below(10)];
         if (choices.one_in(4)) text.insert(choices.below(text.size() + 1), 1, '\0');
         if (choices.one_in(8)) text.erase(choices.below(text.size()), 1);
         if (choices.one_in(4)) text += std::to_string(choices.below(20));
         return text;
       });
       const auto texts = *rc::gen::container<std::vector<std::string>>(random_text);
       PlainMachine left{6};
       PlainMachine right{6};
       for (PlainMachine* machine : {&left, &right}) {
         RC_ASSERT(machine->memblock.add({PhysAddr{0x100000}, PhysAddr{0x4000000}}) == Status::Ok);
       }
       NamedReservations core;
       ModelNamed model;
       for (const std::string& text : texts) {
         const auto from_core = core.add(left.memblock, text);
         const auto from_model = model.add(right.plain, text);
         RC_ASSERT(from_core == from_model);
         RC_ASSERT(same_regions(left, right));
         RC_ASSERT(core.find(text) == model.find(text));
         if (!from_core.ok()) continue;
         const std::string name = text.substr(text.find(':', text.find(':') + 1) + 1);
         RC_ASSERT(core.find(name) == from_core);
         RC_ASSERT(left.memblock.is_region_reserved(from_core.value()));
       }
       RC_ASSERT(core.entries().size() == model.entries().size());
     }},
};

template <size_t N>
bool all_hold(const Law (&laws)[N]) {
  bool ok = true;
  for (const Law& law : laws) ok &= rc::check(law.sentence, law.attempt);
  return ok;
}

bool all_hold() {
  bool ok = all_hold(kTableLaws);
  ok &= all_hold(kPrintLaws);
  ok &= all_hold(kOptionLaws);
  ok &= all_hold(kBootLaws);
  return ok;
}

}  // namespace
}  // namespace memblock::lab

int main() {
  memblock::lab::set_cases(1000);
  return memblock::lab::all_hold() ? 0 : 1;
}
