// Reads the arguments of an op along its row of kOpSpecs, and its outcome along its kind of answer.
#include "lab/parse_op.h"

#include "lab/rules.h"
#include "lab/words.h"

namespace memblock::lab {

std::string quoted_name(std::string_view name) {
  return "`" + std::string{name.substr(0, 40)} + "`";
}

namespace {

std::string_view key_of(Field field) {
  switch (field) {
    case Field::Size: return "size";
    case Field::Bytes: return "bytes";
    case Field::Pfn: return "pfn";
    case Field::Align: return "align";
    case Field::Within: return "within";
    case Field::Min: return "min";
    case Field::Nid: return "nid";
    case Field::Flags: return "flags";
    case Field::NewType: return "to";
    case Field::Initrd: return "initrd";
    case Field::Bios: return "bios";
    case Field::SetupData: return "setup_data";
    default: return {};
  }
}

/// What must not be left out, with an example.
std::string_view needed(Field field) {
  switch (field) {
    case Field::Range:
    case Field::Extent: return "a range such as [0x1000, 0x2000)";
    case Field::Size: return "size=0x1000";
    case Field::Bytes: return "bytes=0x1000";
    case Field::Table: return "a table: memory, reserved or physmem";
    case Field::On: return "on or off";
    case Field::Address: return "an address such as 0x1000";
    case Field::Type: return "an entry type such as ram";
    case Field::NewType: return "to=reserved";
    case Field::Text: return "text in double quotes";
    default: return {};
  }
}

bool set_flag_word(std::string_view word, std::string_view wanted, bool& flag) {
  if (word != wanted) return false;
  flag = true;
  return true;
}

/// Reads the arguments of one op, in any order.
class OpReader {
 public:
  OpReader(Cursor& cursor, Op& op) : cursor_(cursor), op_(op), spec_(spec_of(op.code)) {}

  void read() {
    while (!cursor_.at_end() && !at_arrow()) {
      if (!read_argument()) return;
    }
    for (size_t i = 0; i < spec_.field_count; ++i) {
      if ((seen_ & 1u << i) == 0 && !needed(spec_.fields[i]).empty()) {
        cursor_.fail(std::string{spec_.name} + " needs " + std::string{needed(spec_.fields[i])});
      }
    }
  }

 private:
  bool at_arrow() { return cursor_.peek() == '-'; }

  /// Whether the op has this field and it was not given yet; from now on it was.
  bool claim(Field field) {
    for (size_t i = 0; i < spec_.field_count; ++i) {
      if (spec_.fields[i] != field || (seen_ & 1u << i) != 0) continue;
      if (field != Field::SetupData) seen_ |= 1u << i;
      return true;
    }
    return false;
  }

  bool read_argument() {
    const char next = cursor_.peek();
    if (next == '[' && claim(Field::Range)) {
      op_.range = cursor_.range();
    } else if (next == '[' && claim(Field::Extent)) {
      cursor_.extent(op_.min, op_.size);
    } else if (next == '"' && claim(Field::Text)) {
      op_.text = cursor_.quoted();
    } else if (next >= '0' && next <= '9' && claim(Field::Address)) {
      op_.min = PhysAddr{cursor_.number64("an address")};
    } else if (next >= '0' && next <= '9' && claim(Field::Type)) {
      op_.type = cursor_.type();
    } else if (!read_word()) {
      return false;
    }
    return !cursor_.failed();
  }

  bool read_word() {
    const size_t start = cursor_.column();
    const std::string_view word = cursor_.word();
    if (!word.empty() && cursor_.take('=')) return read_keyed(start, word);
    if (!word.empty() && (read_switch(word) || read_enum(word))) return true;
    if (word.empty()) {
      cursor_.fail(std::string{spec_.name} + " does not take " + cursor_.shown_rest());
    } else {
      cursor_.fail_at(start, std::string{spec_.name} + " does not take " + quoted_name(word) +
                                 " here; see corpora/README.md");
    }
    return false;
  }

  bool read_switch(std::string_view word) {
    if (word == "on" || word == "off") {
      if (!claim(Field::On)) return false;
      op_.on = word == "on";
      return true;
    }
    return (word == "down" && claim(Field::Down) && set_flag_word(word, "down", op_.on)) ||
           (word == "exact" && claim(Field::Exact) && set_flag_word(word, "exact", op_.exact)) ||
           (word == "within_limit" && claim(Field::WithinLimit) &&
            set_flag_word(word, "within_limit", op_.within_limit)) ||
           (word == "retry_below_min" && claim(Field::RetryBelow) &&
            set_flag_word(word, "retry_below_min", op_.retry_below_min)) ||
           (word == "zero" && claim(Field::Zero) && set_flag_word(word, "zero", op_.zero));
  }

  bool read_enum(std::string_view word) {
    const auto table = table_of_word(word);
    if (table && claim(Field::Table)) {
      op_.table = *table;
      return true;
    }
    const auto type = type_of_word(word);
    if (!type || !claim(Field::Type)) return false;
    op_.type = *type;
    return true;
  }

  bool read_keyed(size_t start, std::string_view key) {
    for (size_t i = 0; i < spec_.field_count; ++i) {
      const Field field = spec_.fields[i];
      if (key_of(field) != key) continue;
      if (!claim(field)) {
        cursor_.fail_at(start, quoted_name(key) + " is given twice; drop one");
        return false;
      }
      read_value(field);
      return !cursor_.failed();
    }
    cursor_.fail_at(
        start, std::string{spec_.name} + " has no " + quoted_name(key) + "; see corpora/README.md");
    return false;
  }

  void read_value(Field field) {
    switch (field) {
      case Field::Size:
      case Field::Bytes: op_.size = cursor_.number64("a number of bytes"); break;
      case Field::Pfn: op_.size = cursor_.number64("a page frame"); break;
      case Field::Align: read_align(); break;
      case Field::Within: read_within(); break;
      case Field::Min: op_.min = PhysAddr{cursor_.number64("an address")}; break;
      case Field::Nid: op_.nid = cursor_.nid(); break;
      case Field::Flags: op_.flags = cursor_.flags(); break;
      case Field::NewType: op_.new_type = cursor_.type(); break;
      case Field::Initrd: op_.initrd = cursor_.range(); break;
      case Field::Bios: op_.bios = cursor_.range(); break;
      case Field::SetupData: op_.setup_data.push_back(cursor_.range()); break;
      default: break;
    }
  }

  void read_align() {
    const size_t start = cursor_.column();
    op_.align = cursor_.number64("an alignment");
    if (op_.align == 0 || is_power_of_two(op_.align)) return;
    std::string message = "align=";
    append_hex(message, op_.align);
    cursor_.fail_at(start, message + " is not a power of two; use 0x1, 0x2, 0x4, ...");
  }

  /// Not a range: an end of 0 or 1 names the current limit.
  void read_within() {
    if (!cursor_.take('[')) {
      return cursor_.fail("expected a window such as [0x1000, 0x40000000)");
    }
    op_.min = PhysAddr{cursor_.number64("the lower bound")};
    if (!cursor_.take(',')) cursor_.fail("expected `,` between the bounds");
    op_.max = PhysAddr{cursor_.number64("the upper bound")};
    if (!cursor_.take(')')) cursor_.fail("expected `)`: the upper bound is exclusive");
  }

  Cursor& cursor_;
  Op& op_;
  const OpSpec& spec_;
  unsigned seen_ = 0;
};

uint64_t as_value(NodeId nid) { return static_cast<uint64_t>(int64_t{nid.value}); }

/// Node and flags behind a range, in any order, each at most once.
void read_kind(Cursor& cursor, bool with_flags, NodeId& nid, RegionFlags& flags) {
  bool nid_seen = false;
  bool flags_seen = false;
  while (!cursor.at_end() && cursor.peek() != ';') {
    if (!nid_seen && cursor.take_word("nid") && cursor.take('=')) {
      nid = cursor.nid();
      nid_seen = true;
    } else if (with_flags && !flags_seen && cursor.take_word("flags") && cursor.take('=')) {
      flags = cursor.flags();
      flags_seen = true;
    } else {
      cursor.fail("expected nid= or flags= or `;`, found " + cursor.shown_rest());
    }
  }
}

void put_range(Outcome& out, PhysRange range) {
  out.values.push_back(range.base.value);
  out.values.push_back(range.end.value);
}

void read_kept_or_freed(Cursor& cursor, Outcome& out) {
  if (cursor.take_word("free")) {
    const uint64_t pfn = cursor.number64("a page frame");
    if (!cursor.take_word("order") || !cursor.take('=')) cursor.fail("expected order=0");
    const auto order = static_cast<uint64_t>(cursor.number(63, "an order"));
    out.values.insert(out.values.end(), {0, pfn, order, as_value(kNoNode)});
    return;
  }
  if (!cursor.take_word("keep")) {
    return cursor.fail("expected `free PFN order=N` or `keep [FIRST, LAST)`, found " +
                       cursor.shown_rest());
  }
  out.values.push_back(1);
  put_range(out, cursor.range());
  NodeId nid = kUnsetNode;
  RegionFlags flags;
  read_kind(cursor, false, nid, flags);
  out.values.push_back(as_value(nid));
}

void read_element(Cursor& cursor, Answer answer, Outcome& out) {
  NodeId nid = kUnsetNode;
  RegionFlags flags;
  switch (answer) {
    case Answer::Nothing: cursor.fail("expected ok or an error such as table-full"); break;
    case Answer::Address: out.values.push_back(cursor.number64("an address or an error")); break;
    case Answer::Number: out.values.push_back(cursor.number64("a number or an error")); break;
    case Answer::YesNo:
      if (cursor.take_word("yes")) {
        out.values.push_back(1);
      } else if (cursor.take_word("no")) {
        out.values.push_back(0);
      } else {
        cursor.fail("expected yes or no, found " + cursor.shown_rest());
      }
      break;
    case Answer::Type: out.values.push_back(static_cast<uint32_t>(cursor.type())); break;
    case Answer::Indexes: put_range(out, cursor.range()); break;
    case Answer::Regions:
    case Answer::Pfns:
      put_range(out, cursor.range());
      read_kind(cursor, answer == Answer::Regions, nid, flags);
      out.values.push_back(as_value(nid));
      if (answer == Answer::Regions) out.values.push_back(flags.bits);
      break;
    case Answer::Handover: read_kept_or_freed(cursor, out); break;
    case Answer::Lines: out.lines.push_back(cursor.quoted()); break;
    case Answer::Entries: {
      PhysAddr base;
      uint64_t size = 0;
      cursor.extent(base, size);
      const E820Type type = cursor.type();
      out.values.insert(out.values.end(), {base.value, size, static_cast<uint32_t>(type)});
      break;
    }
  }
}

}  // namespace

void read_items(Cursor& cursor, Answer answer, Outcome& out) {
  do {
    read_element(cursor, answer, out);
  } while (cursor.take(';') && !cursor.at_end());
}

void read_expected(Cursor& cursor, const Op& op, Outcome& out, bool& open) {
  const Answer answer = spec_of(op.code).answer;
  if (cursor.at_end()) {
    open = is_list(answer);
    if (!open) cursor.fail("expected an outcome behind `->`");
    return;
  }
  if (cursor.peek() >= 'a' && cursor.peek() <= 'z') {
    Cursor ahead = cursor;
    const std::string_view word = ahead.word();
    const auto status = status_of_word(word);
    // `ok` says that there was no error, whatever the answer, only where there is no answer.
    if (status && (*status != Status::Ok || answer == Answer::Nothing)) {
      out.status = *status;
      cursor = ahead;
      return;
    }
    if (is_list(answer) && word == "none") {
      cursor = ahead;
      return;
    }
  }
  read_items(cursor, answer, out);
}

void read_arguments(Cursor& cursor, Op& op) { OpReader{cursor, op}.read(); }

}  // namespace memblock::lab
