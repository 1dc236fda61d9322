// The words of the text format: flags, nodes, types, tables and statuses, both ways.
#pragma once

#include <optional>

#include "lab/trace.h"

namespace memblock::lab {

void append_hex(std::string& out, uint64_t value);
/// Small counts in decimal, the rest in hex.
void append_number(std::string& out, uint64_t value);
/// `[0x1000, 0x2000)`.
void append_range(std::string& out, uint64_t base, uint64_t end);
/// As append_range(); the end may lie at or beyond 2^64.
void append_extent(std::string& out, uint64_t base, uint64_t size);
/// `hotplug|nomap`; unknown bits in hex, no bits as `none`.
void append_flags(std::string& out, RegionFlags flags);
/// `0`, `none` or `unset`.
void append_nid(std::string& out, NodeId nid);
/// `ram`, or a number for types without a word.
void append_type(std::string& out, E820Type type);
/// In quotes; everything but printable ASCII escaped.
void append_quoted(std::string& out, std::string_view text);

std::string_view table_word(TableId table);
/// `ok`, `table-full`, ...
std::string_view status_word(Status status);

std::optional<RegionFlags> flag_of_word(std::string_view word);
std::optional<TableId> table_of_word(std::string_view word);
std::optional<E820Type> type_of_word(std::string_view word);
std::optional<Status> status_of_word(std::string_view word);
std::optional<OpCode> code_of_name(std::string_view name);
/// The op whose name is most like `name`, or empty.
std::string_view nearest_name(std::string_view name);

}  // namespace memblock::lab
