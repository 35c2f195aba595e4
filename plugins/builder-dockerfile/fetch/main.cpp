// gantry-fetch: gets what a build names by an address. A process for each: so what parses a stranger's answers has no
// rights, and the two libraries are in no daemon's memory.
//
//   gantry-fetch http LIMIT [OPTION]                    into the file or pipe at descriptor 3; OPTION sets the limit
//   gantry-fetch resolve REFERENCE                      tells the commit
//   gantry-fetch git REFERENCE COMMIT KEEP-GIT LIMIT    into the directory at descriptor 3
//
// The address is its standard input: it may hold a password, and anybody may read a process's arguments.
// What was found is told on standard output, a failure on standard error. The exit code is 1 and the failure's code.

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>
#include <vector>

#include "confinement.hpp"
#include "gantry/error.hpp"
#include "git.hpp"
#include "http.hpp"

namespace {

std::string read_address() {
  std::string out;
  for (int byte = std::getchar(); byte != EOF; byte = std::getchar()) out += static_cast<char>(byte);
  return out;
}

void work(const std::vector<std::string>& words) {
  using namespace gantry::fetch;
  const std::string& what = words.at(0);
  const std::string url = read_address();
  if (what == "resolve") {
    confine(0);
    resolve(url, words.at(1));
    return;
  }
  const std::uint64_t limit = std::strtoull(words.at(what == "http" ? 1 : 4).c_str(), nullptr, 10);
  const std::string place = confine(limit);
  if (what == "http") {
    get(url, limit, words.size() > 2 ? words[2] : "");
  } else {
    check_out(url, words.at(1), words.at(2), place, words.at(3) == "1", limit);
  }
}

}  // namespace

int main(int count, char** arguments) {
  try {
    work({arguments + 1, arguments + count});
    return 0;
  } catch (const gantry::Error& error) {
    std::fputs(error.what(), stderr);
    return 1 + static_cast<int>(error.code());
  } catch (const std::exception& error) {
    std::fputs(error.what(), stderr);
    return 1 + static_cast<int>(gantry::Errc::internal);
  }
}
