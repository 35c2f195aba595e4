#include "case_file.hpp"

#include <algorithm>
#include <fstream>
#include <set>
#include <stdexcept>

namespace gantry::e2e::differential {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view kHeading = "== ";

fs::path folder() { return fs::path{GANTRY_DIFFERENTIAL_DIR}; }

}  // namespace

bool Case::uses_client() const {
  return std::any_of(commands.begin(), commands.end(),
                     [](const std::string& command) { return command.find("docker ") != std::string::npos; });
}

std::vector<Case> read_cases(const fs::path& file) {
  std::vector<Case> cases;
  std::set<std::string> names;
  std::ifstream in{file};
  bool continued = false;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with(kHeading)) {
      cases.push_back({line.substr(kHeading.size()), {}});
      if (!names.insert(cases.back().name).second) throw std::runtime_error(file.string() + ": twice: " + line);
    } else if (continued) {
      cases.back().commands.back() += "\n" + line;
    } else if (!line.empty() && line.front() != '#') {
      if (cases.empty()) throw std::runtime_error(file.string() + ": a command before the first case: " + line);
      cases.back().commands.push_back(line);
    }
    continued = !line.empty() && line.front() != '#' && line.back() == '\\';
  }
  return cases;
}

std::map<std::string, std::string> read_recorded(const fs::path& file) {
  std::map<std::string, std::string> transcripts;
  std::ifstream in{file};
  std::string* current = nullptr;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with(kHeading)) {
      current = &transcripts[line.substr(kHeading.size())];
    } else if (current != nullptr) {
      *current += line + "\n";
    }
  }
  for (auto& [name, transcript] : transcripts) {
    while (transcript.ends_with("\n\n")) transcript.pop_back();
  }
  return transcripts;
}

std::vector<std::string> topics() {
  std::vector<std::string> found;
  for (const auto& entry : fs::directory_iterator{folder() / "cases"}) found.push_back(entry.path().stem().string());
  std::sort(found.begin(), found.end());
  return found;
}

fs::path cases_of(const std::string& topic) { return folder() / "cases" / (topic + ".txt"); }

fs::path recorded_of(const std::string& topic) { return folder() / "recorded" / (topic + ".txt"); }

}  // namespace gantry::e2e::differential
