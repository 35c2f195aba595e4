#pragma once

#include <string>
#include <string_view>

#include "gantry/log.hpp"

namespace gantry::journald {

/// Appends a field in the journal's native protocol (systemd, docs/JOURNAL_NATIVE_PROTOCOL.md).
void append_field(std::string& out, std::string_view name, std::string_view value);

/// A field's name for a label's or a variable's, as dockerd makes it: capitals, digits and underscores, none of these
/// in front; empty if nothing is left.
std::string field_name(std::string_view key);

/// What all entries of a container have in common, as fields.
std::string container_fields(const log::v1::Subject& subject, const Options& options);

/// What differs from entry to entry. `ordinal`: counts the entries.
std::string entry_fields(const log::v1::Entry& entry, std::uint64_t ordinal);

}  // namespace gantry::journald
