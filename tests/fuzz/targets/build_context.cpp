// The archive of a build context, as it is looked through and as it is unpacked.

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "archive.hpp"
#include "archive_folder.hpp"
#include "fuzz_target.hpp"
#include "gantry/unique_fd.hpp"
#include "sent_archive.hpp"

namespace {

/// Gives up after so many questions: a hole of gigabytes takes its time.
class ImpatientCall final : public gantry::Call {
 public:
  bool cancelled() const noexcept override { return ++asked_ > 500; }
  int cancel_fd() const noexcept override { return -1; }
  void progress(const gantry::Progress&) const override {}
  void log(gantry::LogLevel, std::string_view) const noexcept override {}

 private:
  mutable int asked_ = 0;
};

}  // namespace

FUZZ_TARGET(text) {
  using namespace gantry::dockerfile;
  constexpr std::size_t kMostContent = std::size_t{1} << 16;
  constexpr std::uint64_t kMostUnpacked = std::uint64_t{1} << 20;
  const std::string tar = with_checksums(std::string{text});
  const gantry::UniqueFd file{::memfd_create("context", MFD_CLOEXEC)};
  if (::write(file.get(), tar.data(), tar.size()) != static_cast<ssize_t>(tar.size())) return;
  const ImpatientCall call;
  static_cast<void>(is_archive(file.get()));
  std::unique_ptr<SentArchive> sent;
  try {
    sent = SentArchive::look_through(file.get(), {"Dockerfile"}, kMostContent, call);
  } catch (const gantry::Error&) {
  }
  if (sent != nullptr) {
    ArchiveHash hash{*sent};
    const IgnorePatterns none{std::vector<std::string>{}};
    for (const std::string& path : sent->paths()) {
      std::string real;
      if (sent->resolve(path, real) && real.starts_with("..")) std::abort();
      try {
        static_cast<void>(hash.of(path, none));
      } catch (const gantry::Error&) {
        // A link to nothing.
      }
    }
  }
  const ArchiveFolder folder;
  const gantry::UniqueFd root{::open(folder.inside().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  try {
    unpack_archive(file.get(), root.get(), call, kMostUnpacked);
  } catch (const gantry::Error&) {
  }
  if (!folder.untouched()) std::abort();
}
