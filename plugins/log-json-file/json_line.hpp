#pragma once

#include "log_files/file_cursor.hpp"

namespace gantry::json_file {

/// Docker's json-file format: {"log":"...","stream":"...","attrs":{...},"time":"..."} a line.
class JsonLines : public log_files::Format {
 public:
  std::int64_t seek_last(int fd, std::uint64_t& count) const override;
  std::size_t parse(std::string_view bytes, std::vector<log::v1::Entry>& out) const override;
};

/// RFC 3339 in UTC, as it is written; -1 if it is none.
std::int64_t parse_time(std::string_view text);

}  // namespace gantry::json_file
