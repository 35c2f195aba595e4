// gantry-fetch: gets what a build names by an address. A process for each: so what parses a stranger's answers has no
// rights, and the two libraries are in no daemon's memory.
//
//   gantry-fetch http LIMIT [OPTION]    into the file or pipe at descriptor 3; OPTION sets the limit
//   gantry-fetch resolve REFERENCE [HOST-KEY]    tells the commit
//   gantry-fetch git REFERENCE COMMIT KEEP-GIT LIMIT [HOST-KEY]    into the directory at descriptor 3
//
// HOST-KEY: the repository is read over SSH, with the keys of the agent whose socket is descriptor 4; the host must
// have this key ("SHA256:...", or "any"). The address is its standard input: it may hold a password, and anybody may
// read a process's arguments. What was found is told on standard output, a failure on standard error. The exit code is
// 1 and the failure's code.

#include <algorithm>
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
    resolve(url, words.at(1), words.size() > 2 ? words[2] : "");
    return;
  }
  const std::uint64_t limit = std::strtoull(words.at(what == "http" ? 1 : 4).c_str(), nullptr, 10);
  const std::string place = confine(limit);
  if (what == "http") {
    get(url, limit, words.size() > 2 ? words[2] : "");
  } else {
    check_out(url, {words.at(1), words.at(2), words.at(3) == "1", words.size() > 5 ? words[5] : ""}, place, limit);
  }
}

/// What is said may be a server's or a repository's words: none of them is to speak to the user's terminal.
void complain(std::string why) {
  std::replace_if(
      why.begin(), why.end(), [](unsigned char byte) { return (byte < ' ' && byte != '\n') || byte == 0x7f; }, ' ');
  while (why.ends_with('\n')) why.pop_back();
  std::fputs(why.c_str(), stderr);
}

}  // namespace

int main(int count, char** arguments) {
  try {
    work({arguments + 1, arguments + count});
    return 0;
  } catch (const gantry::Error& error) {
    complain(error.what());
    return 1 + static_cast<int>(error.code());
  } catch (const std::exception& error) {
    complain(error.what());
    return 1 + static_cast<int>(gantry::Errc::internal);
  }
}
