#include "shim/dev_links.hpp"

#include <unistd.h>

#include <cerrno>

namespace gantry::container_shim {

namespace {

struct Link {
  const char* name;
  const char* target;
};

constexpr Link kLinks[] = {{"fd", "/proc/self/fd"},
                           {"stdin", "/proc/self/fd/0"},
                           {"stdout", "/proc/self/fd/1"},
                           {"stderr", "/proc/self/fd/2"},
                           {"ptmx", "pts/ptmx"}};

}  // namespace

void make_dev_links(int dev, const ReportLine& line) {
  for (const Link& link : kLinks) {
    if (::symlinkat(link.target, dev, link.name) < 0 && errno != EEXIST) line.fail_errno("link /dev nodes");
  }
  // Not every kernel has it.
  if (::access("/proc/kcore", F_OK) < 0) return;
  if (::symlinkat("/proc/kcore", dev, "core") < 0 && errno != EEXIST) line.fail_errno("link /dev/core");
}

}  // namespace gantry::container_shim
