#include "containers/volume_archive.hpp"

#include <memory>

#include "base/mounted_tree.hpp"
#include "containers/tree_archive.hpp"
#include "containers/tree_extract.hpp"
#include "images/stream_bridge.hpp"

namespace gantry::containers {
namespace {

awaitable<std::shared_ptr<MountedTree>> mounted_volume(Workers& workers, Mount mount) {
  const std::vector<Mount> mounts{std::move(mount)};
  co_return co_await workers.run(Pool::quick, [&mounts] { return std::make_shared<MountedTree>(mounts); });
}

}  // namespace

awaitable<void> write_volume(Workers& workers, Mount mount, images::DownloadSink sink) {
  const auto tree = co_await mounted_volume(workers, std::move(mount));
  const std::function<void(ByteSink&)> work = [tree](ByteSink& tar) { archive_whole(tree->fd(), tar); };
  co_await images::write_download(workers, std::move(sink), work);
}

awaitable<void> read_volume(Workers& workers, Mount mount, images::UploadSource source) {
  const auto tree = co_await mounted_volume(workers, std::move(mount));
  const std::function<void(ByteSource&)> work = [tree](ByteSource& tar) {
    ExtractOptions options;
    options.whole = true;
    extract_archive(tree->fd(), "/", options, tar);
  };
  co_await images::read_upload(workers, std::move(source), work);
}

}  // namespace gantry::containers
