#include <archive.h>
#include <archive_entry.h>

#include <array>
#include <cerrno>
#include <memory>

#include "api/containers.hpp"
#include "base/file.hpp"
#include "base/mounted_tree.hpp"
#include "images/byte_queue.hpp"

namespace gantry::api {

namespace {

struct FreeArchive {
  void operator()(archive* it) const noexcept { archive_free(it); }
};
using Archive = std::unique_ptr<archive, FreeArchive>;

[[noreturn]] void fail(archive* from) {
  const char* why = archive_error_string(from);
  throw Error{Errc::io, std::string("cannot export the container: ") + (why == nullptr ? "unknown error" : why)};
}

la_ssize_t put(archive* writer, void* sink, const void* bytes, std::size_t size) {
  try {
    static_cast<ByteSink*>(sink)->write({static_cast<const std::byte*>(bytes), size});
    return static_cast<la_ssize_t>(size);
  } catch (const std::exception& error) {
    archive_set_error(writer, EIO, "%s", error.what());
    return -1;
  }
}

void copy_content(archive* from, archive* to) {
  const void* block = nullptr;
  std::size_t size = 0;
  la_int64_t offset = 0;
  la_int64_t written = 0;
  constexpr std::array<char, 65536> zeros{};
  for (;;) {
    const int got = archive_read_data_block(from, &block, &size, &offset);
    if (got == ARCHIVE_EOF) return;
    if (got < ARCHIVE_WARN) fail(from);
    while (written < offset) {  // a hole
      const auto gap = static_cast<std::size_t>(std::min<la_int64_t>(offset - written, zeros.size()));
      if (archive_write_data(to, zeros.data(), gap) < 0) fail(to);
      written += static_cast<la_int64_t>(gap);
    }
    if (archive_write_data(to, block, size) < 0) fail(to);
    written += static_cast<la_int64_t>(size);
  }
}

/// The tree at `root` (a directory's path ending in "/.") as a tar stream, without what is mounted in it. Blocks.
void write_tree(const std::string& root, ByteSink& sink) {
  const Archive disk{archive_read_disk_new()};
  const Archive tar{archive_write_new()};
  archive_read_disk_set_symlink_physical(disk.get());
  archive_read_disk_set_behavior(disk.get(), ARCHIVE_READDISK_NO_TRAVERSE_MOUNTS);
  archive_write_set_format_pax_restricted(tar.get());
  archive_write_set_bytes_per_block(tar.get(), 65536);
  archive_write_set_bytes_in_last_block(tar.get(), 1);
  if (archive_write_open(tar.get(), &sink, nullptr, put, nullptr) != ARCHIVE_OK) fail(tar.get());
  if (archive_read_disk_open(disk.get(), root.c_str()) != ARCHIVE_OK) fail(disk.get());
  const std::unique_ptr<archive_entry_linkresolver, decltype(&archive_entry_linkresolver_free)> links{
      archive_entry_linkresolver_new(), archive_entry_linkresolver_free};
  archive_entry_linkresolver_set_strategy(links.get(), ARCHIVE_FORMAT_TAR_PAX_RESTRICTED);
  for (;;) {
    std::unique_ptr<archive_entry, decltype(&archive_entry_free)> entry{archive_entry_new(), archive_entry_free};
    const int got = archive_read_next_header2(disk.get(), entry.get());
    if (got == ARCHIVE_EOF) break;
    if (got < ARCHIVE_WARN) fail(disk.get());
    archive_read_disk_descend(disk.get());
    const std::string path = archive_entry_pathname(entry.get());
    if (path.size() <= root.size()) continue;  // the root itself
    archive_entry_set_pathname(entry.get(), path.substr(root.size() + 1).c_str());
    if (archive_entry_filetype(entry.get()) == AE_IFSOCK) continue;
    archive_entry* ready = entry.get();
    archive_entry* deferred = nullptr;
    archive_entry_linkify(links.get(), &ready, &deferred);
    if (archive_write_header(tar.get(), ready) < ARCHIVE_WARN) fail(tar.get());
    if (archive_entry_size(ready) > 0 && archive_entry_hardlink(ready) == nullptr) copy_content(disk.get(), tar.get());
  }
  if (archive_write_close(tar.get()) != ARCHIVE_OK) fail(tar.get());
}

}  // namespace

awaitable<Response> Containers::get_export(Exchange& exchange) {
  const auto container = service_.find(exchange.request().parameter("id"));
  if (container->state == containers::State::removing || container->state == containers::State::dead) {
    throw Error{Errc::conflict, "You cannot export container " + container->id + " which is dead"};
  }
  std::vector<Mount> mounts;
  if (!is_alive(container->state)) mounts = co_await service_.tree(container->id);
  const std::int64_t pid = container->pid;
  const auto queue = std::make_shared<images::ByteQueue>();
  asio::post(service_.workers().executor(Pool::slow), [queue, mounts, pid] {
    try {
      if (mounts.empty()) {
        write_tree("/proc/" + std::to_string(pid) + "/root/.", *queue);
      } else {
        const MountedTree tree{mounts};
        write_tree("/proc/self/fd/" + std::to_string(tree.fd()) + "/.", *queue);
      }
      queue->finish();
    } catch (...) {
      queue->fail(std::current_exception());
    }
  });
  std::exception_ptr failure;
  bool started = false;
  try {
    std::vector<std::byte> piece(std::size_t{256} << 10);
    for (;;) {
      const auto size = co_await service_.workers().run(Pool::quick, [&] { return queue->read(piece); });
      // Only now: a tree that cannot be opened is an error of the request, not half an answer.
      if (!started) co_await exchange.start(200, "application/octet-stream");
      started = true;
      if (size == 0) break;
      co_await exchange.write({reinterpret_cast<const char*>(piece.data()), size});
    }
  } catch (...) {
    failure = std::current_exception();
  }
  queue->discard();
  if (failure) std::rethrow_exception(failure);
  co_return Response::done();
}

}  // namespace gantry::api
