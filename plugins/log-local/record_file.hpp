#pragma once

#include "log_files/file_cursor.hpp"

namespace gantry::log_local {

/// The files of Docker's local driver: records (gantry/log_record.hpp), each with its length before and after it.
class Records : public log_files::Format {
 public:
  std::int64_t seek_last(int fd, std::uint64_t& count) const override;
  std::size_t parse(std::string_view bytes, std::vector<log::v1::Entry>& out) const override;
};

}  // namespace gantry::log_local
