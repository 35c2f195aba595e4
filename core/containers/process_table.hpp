#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "containers/service.hpp"

/// `docker top` without options, or on a host without ps(1): what that would say of a container's processes, read from
/// /proc.
namespace gantry::containers {

enum class PsColumn {
  user,
  uid,
  pid,
  ppid,
  cpu,
  stime,
  start,
  tty,
  time,
  cmd,
  comm,
  args,
  stat,
  vsz,
  rss,
  pcpu,
  pmem,
  nice,
  pgid,
  sid,
  threads
};

struct PsFormat {
  std::vector<PsColumn> columns;
  std::vector<std::string> titles;
};

/// "" and "-ef", "aux", "-aux", "-o pid,comm,...". Errors: invalid, naming what is known.
PsFormat parse_ps_arguments(const std::string& arguments);

/// Blocks. A process that has ended meanwhile is left out.
Processes read_processes(const PsFormat& format, const std::vector<std::int64_t>& pids);

}  // namespace gantry::containers
