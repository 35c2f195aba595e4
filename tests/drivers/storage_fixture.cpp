#include "storage_fixture.hpp"

namespace gantry::conformance {

namespace fs = std::filesystem;

std::map<std::string, std::string> picture(const fs::path& root) {
  std::map<std::string, std::string> out;
  std::map<ino_t, std::string> links;
  const auto draw = [&](const fs::path& path) {
    const struct stat status = stat_of(path);
    std::ostringstream line;
    line << std::oct << status.st_mode << std::dec << ' ' << status.st_uid << ':' << status.st_gid << " dev "
         << status.st_rdev;
    const std::string name = "/" + path.lexically_relative(root).string();
    if (S_ISLNK(status.st_mode)) line << " -> " << fs::read_symlink(path).string();
    if (S_ISREG(status.st_mode)) line << " [" << read(path) << "] links " << status.st_nlink;
    if (S_ISREG(status.st_mode) && status.st_nlink > 1)
      line << " with " << links.try_emplace(status.st_ino, name).first->second;
    // The root is the top's own, whatever layer is below it.
    if (path != root) line << " at " << status.st_mtim.tv_sec << '.' << status.st_mtim.tv_nsec;
    out[name] = line.str();
  };
  draw(root);
  std::vector<fs::path> paths;
  for (const auto& entry : fs::recursive_directory_iterator{root}) paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  for (const fs::path& path : paths) draw(path);
  return out;
}

std::vector<std::string> Storage::chains(const std::vector<int>& numbers) {
  std::vector<std::string> ids;
  for (const int number : numbers) ids.push_back(chain(number));
  return ids;
}

storage::v1::AppliedLayer Storage::apply_bytes(int id, const std::vector<int>& parents, const std::string& bytes) {
  StringSource source{bytes};
  storage::v1::AppliedLayer out;
  driver().apply(chain(id), chains(parents), source, out, call());
  EXPECT_TRUE(source.at_end()) << "apply reads the stream to its end";
  return out;
}

std::vector<Mount> Storage::prepare(const std::string& key, const std::vector<int>& layers) {
  std::vector<Mount> mounts;
  driver().prepare(key, chains(layers), {}, mounts, call());
  return mounts;
}

std::vector<std::string> Storage::changes(const std::string& key) {
  std::vector<storage::v1::Change> found;
  driver().changes(key, found, call());
  std::vector<std::string> lines;
  for (const auto& change : found)
    lines.push_back(std::string{"CAD"[static_cast<int>(change.kind)]} + " " + change.path);
  return lines;
}

std::string Storage::diff(const std::string& key) {
  StringSink sink;
  driver().diff(key, sink, call());
  return sink.bytes();
}

void Storage::expect_no_layers() {
  storage::v1::Holdings holdings;
  driver().list(holdings, call());
  EXPECT_EQ(holdings.layers, std::vector<std::string>{});
  for (const auto& entry : fs::recursive_directory_iterator{subject().data_dir()}) {
    EXPECT_FALSE(entry.is_regular_file()) << "left behind: " << entry.path();
  }
}

}  // namespace gantry::conformance
