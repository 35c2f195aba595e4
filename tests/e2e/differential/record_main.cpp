// Records what a dockerd answers: see README.md.

#include <cstdio>
#include <cstdlib>
#include <fstream>

#include "session.hpp"

namespace {

using namespace gantry::e2e;
using namespace gantry::e2e::differential;

std::string ask(const std::string& socket, const std::string& path, const std::string& filter) {
  return shell("curl -s --unix-socket " + socket + " http://d" + path + " | jq -r '" + filter + "'").line();
}

int record(const std::string& socket, const std::string& docker, const std::vector<std::string>& wanted) {
  const std::string root = ask(socket, "/info", ".DockerRootDir");
  const std::string version = ask(socket, "/version", ".Version");
  const std::string client = shell(docker + " --version | sed 's/.*version \\([^,]*\\).*/\\1/'").line();
  if (root.empty() || client.empty()) {
    std::fprintf(stderr, "no dockerd at %s, or no client at %s\n", socket.c_str(), docker.c_str());
    return 1;
  }
  Session session{socket, docker, {{root, "<root>"}, {version, "<version>"}}};
  if (!session.load_image()) return 1;
  for (const std::string& topic : wanted) {
    std::ofstream out{recorded_of(topic)};
    out << "# " << ask(socket, "/version", ".ApiVersion | \"dockerd " + version + ", API \" + .") << ", by docker "
        << client << ". Made by differential-record: do not edit.\n";
    for (const Case& script : read_cases(cases_of(topic))) out << "\n== " << script.name << "\n" << session.run(script);
    std::printf("%s\n", topic.c_str());
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: differential-record SOCKET DOCKER [TOPIC...]\n");
    return 2;
  }
  const std::vector<std::string> wanted(argv + 3, argv + argc);
  return record(argv[1], argv[2], wanted.empty() ? topics() : wanted);
}
