#include <fcntl.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "fuzz_target.hpp"
#include "gantry/call.hpp"
#include "gantry/unique_fd.hpp"
#include "layer_archive/unpack.hpp"

namespace {

namespace fs = std::filesystem;

class Text : public gantry::ByteSource {
 public:
  explicit Text(std::string_view text) : text_(text) {}

  std::size_t read(std::span<std::byte> buffer) override {
    const std::size_t count = std::min(buffer.size(), text_.size());
    std::copy_n(reinterpret_cast<const std::byte*>(text_.data()), count, buffer.begin());
    text_.remove_prefix(count);
    return count;
  }

 private:
  std::string_view text_;
};

class PlainCall : public gantry::Call {
 public:
  bool cancelled() const noexcept override { return false; }
  int cancel_fd() const noexcept override { return -1; }
  void progress(const gantry::Progress&) const override {}
  void log(gantry::LogLevel, std::string_view) const noexcept override {}
};

/// A folder with a layer's directory in it, which is all that may change.
class Folder {
 public:
  Folder() {
    std::string name = (fs::temp_directory_path() / "gantry-fuzz-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) std::abort();
    path_ = name;
    fs::create_directory(path_ / "layer");
  }
  ~Folder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  fs::path layer() const { return path_ / "layer"; }
  bool untouched() const { return std::distance(fs::directory_iterator{path_}, fs::directory_iterator{}) == 1; }

 private:
  fs::path path_;
};

}  // namespace

FUZZ_TARGET(text) {
  const Folder folder;
  const gantry::UniqueFd layer{::open(folder.layer().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  Text tar{text};
  try {
    static_cast<void>(gantry::layer_archive::unpack(tar, layer.get(), PlainCall{}));
  } catch (const gantry::Error&) {
  }
  if (!folder.untouched()) std::abort();
}
