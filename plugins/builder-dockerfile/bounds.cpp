#include "bounds.hpp"

#include <string>

#include "gantry/error.hpp"

namespace gantry::dockerfile {
namespace {

[[noreturn]] void refuse(std::size_t line, const char* why) {
  const std::string where = line == 0 ? "" : " on line " + std::to_string(line);
  throw Error{Errc::invalid, "the Dockerfile asks for too much" + where + ": " + why};
}

/// Each cost is far below what a size has room for.
bool is_spent(std::atomic<std::size_t>& spent, std::size_t cost, std::size_t most) {
  return spent.fetch_add(cost) + cost > most;
}

}  // namespace

void Bounds::work(std::size_t cost, std::size_t line) {
  if (!is_spent(work_, cost, kMostWork)) return;
  refuse(line,
         "what its words come to, with their variables, patterns and ports, is more than 256 MiB: "
         "COPY long texts from files, and use fewer and shorter variables");
}

void Bounds::keep(std::size_t weight, std::size_t line) {
  if (!is_spent(kept_, weight, kMostKept)) return;
  refuse(line,
         "the variables, labels and other settings of its stages are more than 64 MiB: "
         "use fewer stages, or set less in those that others stand on");
}

void Bounds::check_words(std::size_t size, std::size_t line) {
  if (size <= kMostWords) return;
  refuse(line, "the words of the instruction come to more than 8 MiB with their variables: COPY long texts from files");
}

}  // namespace gantry::dockerfile
