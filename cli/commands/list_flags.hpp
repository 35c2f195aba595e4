#pragma once

#include <string>
#include <vector>

#include "client/client.hpp"
#include "command/flags.hpp"
#include "format/listing.hpp"

namespace gantry::cli {

/// What the commands that print lists have in common.
struct ListFlags {
  std::string format;
  std::vector<std::string> filters;

  void declare_filter(Flags& flags, std::string_view help, std::string_view names = "filter,f");
  void declare_format(Flags& flags, bool has_table = true, std::string_view names = "format");
  void add_filters(Query& query) const;
  /// `quiet`: only what `quiet_template` gives of each row, unless there is a format.
  void print(ListStyle style, const std::vector<Json>& rows, bool quiet, const char* quiet_template) const;
};

/// "a=b,c=d", sorted.
std::string joined_labels(const Json& labels);
/// Seconds since the epoch as Go prints a time: "2026-01-02 03:04:05 +0000 UTC".
std::string local_time(std::int64_t seconds);

/// Asks on the terminal; true if the answer is "y". Throws Failure at the end of the input.
bool confirmed(const std::string& question);

}  // namespace gantry::cli
